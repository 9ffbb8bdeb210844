// Lets the plan's blows fall: finds the process, sends the signal, wakes what was stopped.
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Mark } from "./figure.ts";
import type { RunningFlow } from "./flow.ts";
import type { Blow } from "./plan.ts";
import { processesOf } from "./tree.ts";

export interface Striking {
  readonly mark: string;
  readonly flow: RunningFlow;
  /** Seconds since the soak began. */
  now(): number;
  told(mark: Mark): void;
}

const signals = { kill: "SIGKILL", term: "SIGTERM", stop: "SIGSTOP" } as const;

/** Resolves when the last one has fallen and all that was stopped is awake. */
export async function strikeAll(blows: readonly Blow[], striking: Striking, signal: AbortSignal): Promise<void> {
  const begin = performance.now();
  const woken: Promise<void>[] = [];
  for (const blow of blows) {
    await sleep(1000 * blow.at - (performance.now() - begin), signal);
    if (signal.aborted) break;
    woken.push(strike(blow, striking, signal));
  }
  await Promise.all(woken);
}

async function strike(
  { target, how, held, which }: Blow,
  { mark, flow, now, told }: Striking,
  signal: AbortSignal,
): Promise<void> {
  const all = processesOf(mark).filter(({ name }) => name === target);
  const victim = all[which % Math.max(1, all.length)];
  if (!victim) return told({ at: now(), kind: how, what: `${signals[how]} ${target}: it does not run` });
  const { pid } = victim;
  if (target === "up" && how !== "stop") flow.struck(pid, how);
  if (!send(pid, signals[how])) return;
  const what = `${signals[how]} ${target} (${pid})`;
  told({ at: now(), kind: how, what: how === "stop" ? `${what} for ${held.toFixed(1)} s` : what });
  if (how !== "stop") return;
  await sleep(1000 * held, signal);
  send(pid, "SIGCONT");
}

/** False when it is gone. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
