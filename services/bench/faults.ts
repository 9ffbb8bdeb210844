// A soak: the same small run twice, left alone and with a trainer killed, stopped or replaced every few seconds. How many steps does that cost, and do both end with the same bytes?
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uniform } from "../../shared/model/draws.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import { type Cluster, withCluster } from "./cluster.ts";
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

interface Soak {
  readonly seconds: number;
  readonly steps: number;
  readonly stepsPerSecond: number;
  readonly faults: Record<Fault, number>;
}

export interface FaultsFigures {
  readonly undisturbed: Soak;
  readonly disturbed: Soak;
  /** Steps a second with faults over those without. */
  readonly ratio: number;
  /** Checkpoints of the same step in both runs, and those of them with the same model, byte for byte. */
  readonly checkpoints: { readonly compared: number; readonly equal: number };
}

const DATA = { items: 2_000, perUser: 20, users: 400, heldOut: 20 };
/** Four parts a step, a part takes some milliseconds. */
const MODEL = ["--hidden", "200", "--latent", "64", "--batch-size", "100", "--part-size", "25", "--epochs", "1000000"];
/** So often that both runs have some of the same step. */
const CHECKPOINTS = ["--checkpoint-seconds", "0.25"];
const STOPPED_MS = 3_000;
/** Rates are compared, so the quiet run need not be as long. */
const QUIET_SECONDS = 60;
const WATCH_MS = 100;
const SEED = 1337;

export async function faultsFigures({ seconds, trainers, every }: FaultsSize, until: Until): Promise<FaultsFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  try {
    const data = join(dir, "data");
    writeDataset(data, DATA);
    const run = async (name: string, lasts: number, disturb: Disturb) => {
      process.stderr.write(`${name}, ${lasts} s\n`);
      return await soak({ dir: join(dir, name), data, trainers, seconds: lasts }, until, disturb);
    };
    const quiet = await run("undisturbed", Math.min(seconds, QUIET_SECONDS), async () => undefined);
    const wild = await run("with faults", seconds, everyFew(every));
    const compared = [...wild.models.keys()].filter((step) => quiet.models.has(step));
    const equal = compared.filter((step) => wild.models.get(step) === quiet.models.get(step));
    return {
      undisturbed: quiet.soak,
      disturbed: wild.soak,
      ratio: wild.soak.stepsPerSecond / quiet.soak.stepsPerSecond,
      checkpoints: { compared: compared.length, equal: equal.length },
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

type Disturb = (cluster: Cluster, done: Record<Fault, number>, over: AbortSignal) => Promise<void>;

interface SoakSize {
  readonly dir: string;
  readonly data: string;
  readonly trainers: number;
  readonly seconds: number;
}

/** Trains for so long, counted from the first outer epoch's end, and collects the hash of every checkpoint's model by its step. */
async function soak({ dir, data, trainers, seconds }: SoakSize, until: Until, disturb: Disturb) {
  mkdirSync(dir);
  const out = join(dir, "out");
  const serverFlags = ["--data", data, "--out", out, ...MODEL, ...CHECKPOINTS];
  return await withCluster({ dir, serverFlags, trainers, logFile: join(dir, "log") }, until, async (cluster) => {
    const models = new Map<number, string>();
    const watching = setInterval(() => collect(join(out, "checkpoints"), models), WATCH_MS);
    try {
      const done = { kill: 0, stop: 0, replace: 0 };
      const before = await cluster.when(({ epochs }) => epochs.length >= 1);
      const startedAt = performance.now();
      const over = new AbortController();
      const lasting = sleep(1000 * seconds, until.signal).then(() => over.abort());
      await Promise.all([disturb(cluster, done, over.signal), lasting]);
      const after = await cluster.when(() => true);
      const took = (performance.now() - startedAt) / 1000;
      const steps = after.step - before.step;
      return { soak: { seconds: took, steps, stepsPerSecond: steps / took, faults: done }, models };
    } finally {
      clearInterval(watching);
    }
  });
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

/** One fault after the other, each kind in turn, on a trainer that the seed picks. */
function everyFew(seconds: number): Disturb {
  return async (cluster, done, over) => {
    for (let turn = 0; !over.aborted; turn++) {
      const pause = sleep(1000 * seconds, over);
      const fault = faults[turn % faults.length]!;
      const [draw] = uniform(SEED, turn, 0.5, new Float32Array(1));
      await inject(fault, cluster, Math.floor((draw! + 0.5) * cluster.trainers.length), over);
      done[fault]++;
      await pause;
    }
  };
}

async function inject(fault: Fault, { trainers, startTrainer }: Cluster, which: number, over: AbortSignal): Promise<void> {
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
