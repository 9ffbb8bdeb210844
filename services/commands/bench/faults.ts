// A soak: a small run in which a trainer is killed, stopped or replaced every few seconds, and left alone in between,
// by turns. How many steps does that cost, and are the bytes those of a run that was never disturbed?
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uniform } from "../../../shared/compute/draws.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { type Cluster, devicesOf, withCluster } from "./cluster.ts";
import { writeDataset } from "./dataset.ts";
import type { Figure } from "./figures.ts";

export interface FaultsSize {
  readonly seconds: number;
  readonly trainers: number;
  /** Seconds from one fault to the next. */
  readonly every: number;
}

const faults = ["kill", "stop", "replace"] as const;
type Fault = (typeof faults)[number];

interface Pace {
  readonly seconds: number;
  readonly steps: number;
  readonly stepsPerSecond: number;
}

export interface FaultsFigures {
  /** What the trainers computed on. */
  readonly device: string;
  readonly undisturbed: Pace;
  readonly disturbed: Pace & { readonly faults: Readonly<Record<Fault, number>> };
  /** Steps a second with faults over those without. */
  readonly ratio: number;
  /**
   * Checkpoints of the same step in this run and in one without a fault, and those of them with the same model, byte
   * for byte.
   */
  readonly checkpoints: { readonly compared: number; readonly equal: number };
}

const DATA = { items: 2_000, perUser: 20, users: 400, heldOut: 20 };
/** Four parts a step, a part takes some milliseconds. */
const MODEL = ["--hidden", "200", "--latent", "64", "--batch-size", "100", "--part-size", "25", "--epochs", "1000000"];
/** So often that both runs have some of the same step. */
const CHECKPOINTS = ["--checkpoint-seconds", "0.25"];
const STOPPED_MS = 3_000;
/**
 * A turn has one fault of each kind. Turns of both sorts follow each other closely: this machine's speed drifts by more
 * than what is looked for.
 */
const SETTLE_MS = 3_000;
/** As far as the run that is never disturbed goes: its checkpoints are compared with. */
const CLEAN_SECONDS = 45;
const WATCH_MS = 100;
const SEED = 1337;

export async function faultsFigures({ seconds, trainers, every }: FaultsSize, until: Until): Promise<FaultsFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  try {
    const data = join(dir, "data");
    writeDataset(data, DATA);
    const run = <T>(name: string, body: (cluster: Cluster) => Promise<T>) => {
      process.stderr.write(`${name}\n`);
      return withModels({ dir: join(dir, name), data, trainers }, until, body);
    };
    const clean = await run("undisturbed", () => sleep(1000 * CLEAN_SECONDS, until.signal));
    const wild = await run("by turns", (cluster) => turns(cluster, seconds, every, until));
    const compared = [...wild.models.keys()].filter((step) => clean.models.has(step));
    const equal = compared.filter((step) => wild.models.get(step) === clean.models.get(step));
    const { undisturbed, disturbed } = wild.result;
    return {
      device: clean.device,
      undisturbed,
      disturbed,
      ratio: disturbed.stepsPerSecond / undisturbed.stepsPerSecond,
      checkpoints: { compared: compared.length, equal: equal.length },
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface RunSize {
  readonly dir: string;
  readonly data: string;
  readonly trainers: number;
}

/**
 * Runs `body` from the end of the first outer epoch, and collects the hash of every checkpoint's model by its step
 * meanwhile.
 */
async function withModels<T>({ dir, data, trainers }: RunSize, until: Until, body: (cluster: Cluster) => Promise<T>) {
  mkdirSync(dir);
  const out = join(dir, "out");
  const serverFlags = ["--data", data, "--out", out, ...MODEL, ...CHECKPOINTS];
  return await withCluster({ dir, serverFlags, trainers, logFile: join(dir, "log") }, until, async (cluster) => {
    const models = new Map<number, string>();
    const watching = setInterval(() => collect(join(out, "checkpoints"), models), WATCH_MS);
    try {
      await cluster.when(({ epochs }) => epochs.length >= 1);
      const device = devicesOf({ trainers: await cluster.statusOfTrainers() });
      return { device, result: await body(cluster), models };
    } finally {
      clearInterval(watching);
    }
  });
}

/** A turn with faults, one without, and so on, until the former have lasted so long. */
async function turns(cluster: Cluster, seconds: number, every: number, until: Until) {
  const done = { kill: 0, stop: 0, replace: 0 };
  const quiet = { seconds: 0, steps: 0 };
  const wild = { seconds: 0, steps: 0 };
  const during = async (pace: typeof quiet, body: () => Promise<void>) => {
    const { step } = await cluster.when(() => true);
    const startedAt = performance.now();
    await body();
    pace.steps += (await cluster.when(() => true)).step - step;
    pace.seconds += (performance.now() - startedAt) / 1000;
    process.stderr.write(`${Math.round(wild.seconds)} of ${seconds} s with faults\n`);
  };
  const turn = 1000 * Math.min(seconds, faults.length * every);
  for (let count = 0; wild.seconds < seconds - 1 && !until.signal.aborted; ) {
    await during(quiet, () => sleep(turn, until.signal));
    await during(wild, async () => {
      for (const end = performance.now() + turn; performance.now() < end - 1 && !until.signal.aborted; count++) {
        const pause = sleep(1000 * every, until.signal);
        const fault = faults[count % faults.length]!;
        const [draw] = uniform(SEED, count, 0.5, new Float32Array(1));
        await inject(fault, cluster, Math.floor((draw! + 0.5) * cluster.trainers.length), until.signal);
        done[fault]++;
        await pause;
      }
    });
    await sleep(SETTLE_MS, until.signal);
  }
  const paceOf = ({ seconds, steps }: typeof quiet) => ({ seconds, steps, stepsPerSecond: steps / seconds });
  return { undisturbed: paceOf(quiet), disturbed: { ...paceOf(wild), faults: done } };
}

function collect(root: string, models: Map<number, string>): void {
  try {
    for (const name of readdirSync(root).filter((each) => /^\d+$/.test(each) && !models.has(Number(each))))
      models.set(
        Number(name),
        createHash("sha256")
          .update(readFileSync(join(root, name, "model.safetensors")))
          .digest("hex"),
      );
  } catch {
    // removed, or not yet there: the next look sees the others
  }
}

async function inject(
  fault: Fault,
  { trainers, startTrainer }: Cluster,
  which: number,
  over: AbortSignal,
): Promise<void> {
  const victim = trainers[which]!;
  if (fault === "stop") {
    victim.child.kill("SIGSTOP");
    await sleep(STOPPED_MS, over);
    victim.child.kill("SIGCONT");
    return;
  }
  trainers.splice(which, 1);
  victim.child.kill(fault === "kill" ? "SIGKILL" : "SIGTERM");
  await victim.exited;
  startTrainer();
}

export function faultsLines({ undisturbed, disturbed, ratio, checkpoints }: FaultsFigures): Figure[] {
  return [
    { name: "undisturbed", value: undisturbed.stepsPerSecond, unit: "steps/s" },
    { name: "with faults", value: disturbed.stepsPerSecond, unit: "steps/s" },
    { name: "with faults, of undisturbed", value: 100 * ratio, unit: "%", limit: { is: "at least", value: 95 } },
    ...faults.map((fault) => ({ name: `  trainers: ${fault}`, value: disturbed.faults[fault], unit: "" })),
    {
      name: `of ${checkpoints.compared} checkpoints of the same step, equal`,
      value: checkpoints.equal,
      unit: "",
      limit: { is: "at least", value: checkpoints.compared },
    },
  ];
}
