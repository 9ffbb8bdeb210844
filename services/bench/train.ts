// Times training as users run it: a real parameter server, real trainer processes, the wire between them, on synthetic users of the paper's size.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { openEngine } from "../../shared/engine/engine.ts";
import { defaults } from "../../shared/model/config.ts";
import { askProcess } from "../../shared/runtime/answers.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { type Spawned, spawnService } from "../../shared/runtime/spawn.ts";
import { type Figure, gemmRate } from "./figures.ts";
import { longTailedRow } from "./rows.ts";

export interface Size {
  readonly items: number;
  readonly batch: number;
  readonly perUser: number;
  readonly trainers: number;
  readonly heldOut: number;
}

/** Steps of an outer epoch of ML-20M: 116,677 users in batches of 500, three encoder passes and one decoder pass. */
const PAPER_STEPS = { encoder: 702, decoder: 234 };
/** Batches of the synthetic data; with three encoder passes 24 encoder and 8 decoder steps an epoch. */
const BATCHES = 8;
const WARM_EPOCHS = 1;
const TIMED_EPOCHS = 2;
const POLL_MS = 200;
const GIB = 2 ** 30;

const timing = z.object({ steps: z.number(), seconds: z.number(), sections: z.record(z.string(), z.number()) });
type Timing = z.output<typeof timing>;
const serverStatus = z.object({
  listen: z.string(),
  epochs: z.array(z.object({ epoch: z.number() })),
  timings: z.partialRecord(z.enum(["posterior", "encoder", "decoder", "joint", "score"]), timing),
  peakMemoryBytes: z.number(),
});
const trainerStatus = z.object({ engine: z.string(), peakMemoryBytes: z.number() });

interface Measured {
  readonly encoder: Timing;
  readonly decoder: Timing;
  readonly score: Timing;
  readonly serverBytes: number;
  readonly trainerBytes: number;
  readonly engine: string;
}

export interface TrainFigures {
  readonly engine: string;
  readonly encoderStepMs: number;
  readonly decoderStepMs: number;
  readonly outerEpochSeconds: number;
  readonly peakMemoryBytes: { server: number; trainer: number };
  /** Milliseconds a step; `wire` is what no other section accounts for: messages, copies and waiting. */
  readonly split: Record<"encoder" | "decoder", Record<string, number>>;
  readonly gflop: { encoderStep: number; decoderStep: number; outerEpoch: number };
  readonly gemmGflops: number;
  /** Arithmetic of an outer epoch, over its time, over the rate of matrix products. */
  readonly gemmShare: number;
  readonly evaluationSeconds: number;
}

export async function trainFigures(size: Size, until: Until): Promise<TrainFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  try {
    const engine = await openEngine({ threads: size.trainers });
    const gemmGflops = gemmRate(engine);
    process.stderr.write(`matrix products: ${gemmGflops.toFixed(0)} GFLOP/s with ${size.trainers} thread(s)\n`);
    writeData(join(dir, "data"), size);
    return figuresOf(await measure(dir, size, until), size, gemmGflops);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A dataset directory: users of `perUser` items, long-tailed; held-out ones with a fifth of theirs as targets. */
function writeData(dir: string, { items, batch, perUser, heldOut }: Size): void {
  mkdirSync(dir);
  const lines = (users: number, from: number, part: (row: Int32Array) => Int32Array) =>
    Array.from({ length: users }, (_, k) =>
      [...part(longTailedRow(from + k, perUser, items))].map((item) => `${from + k},${item}\n`).join(""),
    );
  const write = (name: string, rows: string[]) => writeFileSync(join(dir, name), `uid,sid\n${rows.join("")}`);
  const users = BATCHES * batch;
  const targets = Math.max(1, Math.floor(perUser / 5));
  write(
    "train.csv",
    lines(users, 0, (row) => row),
  );
  write(
    "validation_tr.csv",
    lines(heldOut, users, (row) => row.subarray(targets)),
  );
  write(
    "validation_te.csv",
    lines(heldOut, users, (row) => row.subarray(0, targets)),
  );
  write("test_tr.csv", []);
  write("test_te.csv", []);
  writeFileSync(join(dir, "unique_sid.txt"), Array.from({ length: items }, (_, k) => `i${k}\n`).join(""));
}

async function measure(dir: string, { batch, trainers }: Size, until: Until): Promise<Measured> {
  const started: Spawned[] = [];
  const where = ["--data-dir", dir];
  const flags = ["--data", join(dir, "data"), "--out", join(dir, "out"), "--epochs", "1000", "--batch-size", String(batch)];
  try {
    const server = spawnService("server", [...flags, "--listen", "127.0.0.1:0", ...where], { quiet: true });
    started.push(server);
    const ask = () => statusOf(server, dir, serverStatus);
    const { listen } = await when(ask, () => true, server, until);
    for (let k = 0; k < trainers; k++)
      started.push(spawnService("trainer", ["--server", listen, "--threads", "1", ...where], { quiet: true, threads: 1 }));
    const after = (epochs: number) => when(ask, (status) => status.epochs.length >= epochs, server, until);
    const warm = await after(WARM_EPOCHS);
    process.stderr.write("warm; timing\n");
    const end = await after(WARM_EPOCHS + TIMED_EPOCHS);
    const computing = await Promise.all(started.slice(1).map((trainer) => statusOf(trainer, dir, trainerStatus)));
    const between = (phase: "encoder" | "decoder" | "score") => difference(end.timings[phase]!, warm.timings[phase]!);
    return {
      encoder: between("encoder"),
      decoder: between("decoder"),
      score: between("score"),
      serverBytes: end.peakMemoryBytes,
      trainerBytes: Math.max(...computing.map((each) => each?.peakMemoryBytes ?? 0)),
      engine: computing[0]?.engine ?? "",
    };
  } finally {
    await Promise.all(started.reverse().map((each) => each.stop()));
  }
}

/** Asks until the answer is good. Throws SERVICE_DIED when the server ends before. */
async function when<T>(ask: () => Promise<T | undefined>, isGood: (answer: T) => boolean, server: Spawned, until: Until): Promise<T> {
  while (server.running && !until.signal.aborted) {
    const answer = await ask();
    if (answer !== undefined && isGood(answer)) return answer;
    await Promise.race([sleep(POLL_MS, until.signal), server.exited]);
  }
  throw new AppError("SERVICE_DIED", { what: "the server ended before it was measured", service: "server" });
}

const statusOf = <S extends z.ZodType>(service: Spawned, dir: string, schema: S) =>
  askProcess(pathsOf(dir).run, service.child.pid, schema, 10_000);

function difference(end: Timing, start: Timing): Timing {
  const sections = Object.entries(end.sections).map(([name, seconds]) => [name, seconds - (start.sections[name] ?? 0)]);
  return { steps: end.steps - start.steps, seconds: end.seconds - start.seconds, sections: Object.fromEntries(sections) };
}

function figuresOf(measured: Measured, size: Size, gemmGflops: number): TrainFigures {
  const { encoder, decoder, score } = measured;
  const stepMs = ({ seconds, steps }: Timing) => (1000 * seconds) / steps;
  const outerEpochSeconds = (PAPER_STEPS.encoder * stepMs(encoder) + PAPER_STEPS.decoder * stepMs(decoder)) / 1000;
  const { encoderStep, decoderStep } = gflopOf(size);
  const outerEpoch = PAPER_STEPS.encoder * encoderStep + PAPER_STEPS.decoder * decoderStep;
  return {
    engine: measured.engine,
    encoderStepMs: stepMs(encoder),
    decoderStepMs: stepMs(decoder),
    outerEpochSeconds,
    peakMemoryBytes: { server: measured.serverBytes, trainer: measured.trainerBytes },
    split: { encoder: splitOf(encoder, size.trainers), decoder: splitOf(decoder, size.trainers) },
    gflop: { encoderStep, decoderStep, outerEpoch },
    gemmGflops,
    gemmShare: outerEpoch / outerEpochSeconds / gemmGflops,
    evaluationSeconds: score.seconds / score.steps,
  };
}

/** Of trainers that compute side by side, a step waits for its share of their time. */
function splitOf({ steps, seconds, sections }: Timing, trainers: number): Record<string, number> {
  const own = new Set(["firstLayer", "adam"]);
  const ms = Object.entries(sections).map(([name, spent]) => [name, (1000 * spent) / steps / (own.has(name) ? 1 : trainers)] as const);
  const known = ms.reduce((sum, [, each]) => sum + each, 0);
  return Object.fromEntries([...ms, ["wire", (1000 * seconds) / steps - known]]);
}

/** Products of one step, a multiplication and an addition counted as two. */
function gflopOf({ items, batch, perUser }: Size): { encoderStep: number; decoderStep: number } {
  const { hidden, latent } = defaults;
  const layers = 4 * hidden * hidden + 2 * hidden * latent;
  const bag = perUser * hidden;
  const wide = items * latent;
  const giga = (multiplications: number) => (2 * batch * multiplications) / 1e9;
  return { encoderStep: giga(2 * bag + 3 * layers + 2 * wide), decoderStep: giga(bag + layers + 2 * wide) };
}

/** The figures as lines, each beside its limit where the size is the paper's. */
export function trainLines(figures: TrainFigures, size: Size): Figure[] {
  const isPaper = size.items === 20_108 && size.batch === 500 && size.perUser === 86 && size.trainers === 2 && size.heldOut === 10_000;
  const atMost = (value: number) => (isPaper ? { limit: { is: "at most" as const, value } } : {});
  const { peakMemoryBytes: peak, split, gflop } = figures;
  const parts = (phase: "encoder" | "decoder") =>
    Object.entries(split[phase]).map(([name, value]) => ({ name: `  ${phase} step: ${name}`, value, unit: "ms" }));
  return [
    { name: "encoder step", value: figures.encoderStepMs, unit: "ms" },
    ...parts("encoder"),
    { name: "decoder step", value: figures.decoderStepMs, unit: "ms" },
    ...parts("decoder"),
    { name: "outer epoch of 702 + 234 steps", value: figures.outerEpochSeconds, unit: "s" },
    { name: "arithmetic of an outer epoch", value: gflop.outerEpoch, unit: "GFLOP" },
    { name: "matrix product, 2048 x 2048 x 2048", value: figures.gemmGflops, unit: "GFLOP/s" },
    {
      name: "share of that rate",
      value: 100 * figures.gemmShare,
      unit: "%",
      ...(isPaper ? { limit: { is: "at least" as const, value: 60 } } : {}),
    },
    { name: "peak memory of a trainer", value: peak.trainer / GIB, unit: "GiB", ...atMost(2.5) },
    { name: "peak memory of the server", value: peak.server / GIB, unit: "GiB" },
    { name: `evaluation of ${size.heldOut} users`, value: figures.evaluationSeconds, unit: "s", ...atMost(10) },
  ];
}
