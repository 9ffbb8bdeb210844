// Which card each process that this one starts computes on: by turns, and the CPU where a card has failed again and
// again. Between spawn.ts and turns.ts.
import type { ErrorCode } from "../../errors/errors.ts";
import { gpus, warn } from "./machine.ts";
import { environmentOfRun, environmentOfService, environmentOfTurn, onCpu } from "./turns.ts";

export interface Place {
  readonly env: Readonly<Record<string, string>>;
  /** Frees it for the next. */
  left(ended: Ended): void;
}

/** How it ended that computed there. */
export interface Ended {
  readonly signal: string | null;
  /** What it says of it itself. */
  readonly failed?: ErrorCode | undefined;
  readonly ranMs: number;
}

/** Those that open an engine. */
const computing = new Set(["trainer", "evaluator", "serve", "train", "blend"]);
/** Those of them that start trainers. */
const runs = new Set(["train", "blend"]);

/** Of the trainers that run, here and in runs that were started here: each has the first that none of the others had. */
const turns = new Set<number>();
/** Of each trainer and service the starts that its card has failed, one after the other. */
const failures = new Map<string, number>();

/** What is wrong with the machine's GPUs is said here, once, and not by each that is started. `trainers`: of a run. */
export function placeFor(command: string, trainers = 1): Place | undefined {
  if (!computing.has(command)) return undefined;
  const found = gpus();
  const isTrainer = command === "trainer";
  const isRun = runs.has(command);
  const taken = isTrainer || isRun ? takeTurns(trainers) : [];
  const name = isTrainer ? `trainer ${taken[0]! + 1}` : command;
  const mayFail = !isRun && found.type === "usable";
  const isGivenUp = mayFail && (failures.get(name) ?? 0) >= MOST_FAILURES;
  if (isGivenUp) warn(`the GPU of ${name} has failed ${MOST_FAILURES} times in a row; the CPU computes`);
  const env = () => {
    if (isTrainer) return environmentOfTurn(found, taken[0]!, process.env);
    return isRun ? environmentOfRun(found, taken, process.env) : environmentOfService(found);
  };
  return {
    env: isGivenUp ? onCpu : env(),
    left: (ended) => {
      for (const each of taken) turns.delete(each);
      if (mayFail) failures.set(name, isGivenUp ? 0 : afterEnding(failures.get(name) ?? 0, ended));
    },
  };
}

function takeTurns(count: number): number[] {
  const taken: number[] = [];
  for (let turn = 0; taken.length < count; turn++) if (!turns.has(turn)) taken.push(turn);
  for (const turn of taken) turns.add(turn);
  return taken;
}

const MOST_FAILURES = 3;
/** Of a run after which those before are forgotten. */
const STEADY_MS = 60_000;

/** The number of failures so far, after another end. */
export function afterEnding(before: number, ended: Ended): number {
  if (!isOfDevice(ended)) return 0;
  return ended.ranMs < STEADY_MS ? before + 1 : 1;
}

/** What ends a process on which a library gives up, and nobody sends. */
const crashes = new Set(["SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"]);

/** Whether the device, or the library that computes there, has ended it: another start may go well. */
export const isOfDevice = ({ signal, failed }: Pick<Ended, "signal" | "failed">): boolean =>
  (signal !== null && crashes.has(signal)) || failed === "GPU_FAILED" || failed === "ENGINE_FAILED";
