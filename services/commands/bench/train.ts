// Times training as users run it: a real parameter server, real trainer processes, the wire between them, on synthetic
// users of the paper's size.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineName } from "../../../shared/compute/engine.ts";
import { openEngine } from "../../../shared/compute/open-engine.ts";
import type { Timing } from "../../../shared/health/status/server.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { defaults, recipeOf } from "../../../shared/systems/recvae/settings.ts";
import { devicesOf, type Reading, readingAfter, withCluster } from "./cluster.ts";
import { writeDataset } from "./dataset.ts";
import { watchDeviceMemory } from "./device-memory.ts";
import { type Figure, gemmRate } from "./figures.ts";
import { type Traffic, trafficOfRun } from "./traffic.ts";
import { bytesBetween, type CpuShare, cpuShareBetween, timingBetween } from "./window.ts";

export interface Size {
  readonly items: number;
  readonly batch: number;
  readonly perUser: number;
  readonly trainers: number;
  readonly engine?: EngineName | undefined;
  readonly heldOut: number;
  /** Of the data whose outer epoch is told. */
  readonly epochUsers: number;
  readonly sync: "exact" | "local";
  /** Batches between two averages, with `local`. */
  readonly every: number | "auto";
}

/** Steps of an outer epoch, three encoder passes and one decoder pass: 702 + 234 of ML-20M's users by 500. */
const stepsOf = ({ epochUsers, batch }: Size) => {
  const decoder = Math.ceil(epochUsers / batch);
  return { encoder: 3 * decoder, decoder };
};
/**
 * Batches of a pass over the synthetic data: as many as make an outer epoch so long that its checkpoint weighs no more
 * than in a real one. Local needs two outer steps a pass, and where the length of stints is chosen, a whole one.
 */
const batchesOf = ({ sync, trainers, every, epochUsers, batch }: Size) => {
  if (sync === "exact") return 64;
  return every === "auto" ? Math.ceil(epochUsers / batch) : Math.max(64, 2 * trainers * every);
};
const WARM_EPOCHS = 1;
const TIMED_EPOCHS = 1;
/** Users of a part in exact mode, the server's default. */
const PART = 250;
const GIB = 2 ** 30;

/** Two readings, `TIMED_EPOCHS` outer epochs apart. */
interface Measured {
  readonly start: Reading;
  readonly end: Reading;
  readonly deviceBytes: number | null;
}

export interface TrainFigures {
  readonly engine: string;
  /** What the trainers computed on. */
  readonly device: string;
  readonly encoderStepMs: number;
  readonly decoderStepMs: number;
  readonly outerEpochSeconds: number;
  /** Of the time of steps: messages, copies and waiting; with `local` the server's averaging too. */
  readonly exchangeShare: number;
  /** Of the trainer that took longest: the first runs of what XLA compiled. */
  readonly compileSeconds: number;
  /** `device`: of the fullest GPU, beyond what was taken before; null where none tells it. */
  readonly peakMemoryBytes: { server: number; trainer: number; device: number | null };
  /** Milliseconds a step; `wire` is what no other section accounts for: messages, copies and waiting. */
  readonly split: Record<"encoder" | "decoder", Record<string, number>>;
  readonly gflop: { encoderStep: number; decoderStep: number; outerEpoch: number };
  readonly gemmGflops: number;
  /** Arithmetic of an outer epoch, over its time, over the rate of matrix products. */
  readonly gemmShare: number;
  readonly evaluationSeconds: number;
  /** Of all processes' CPU seconds while steps are trained. */
  readonly cpuShare: CpuShare;
  /** Of the server, a step, encoder's and decoder's alike; evaluation included. Through sockets and through memory. */
  readonly bytesPerStep: Traffic & { readonly memory: Traffic };
  /** What a step must move, from the model's shapes; only exact steps have a formula. */
  readonly bytesFormula: Traffic | undefined;
}

export async function trainFigures(size: Size, until: Until): Promise<TrainFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  try {
    const engine = await openEngine({ threads: size.trainers });
    const gemmGflops = gemmRate(engine);
    process.stderr.write(`matrix products: ${gemmGflops.toFixed(0)} GFLOP/s with ${size.trainers} thread(s)\n`);
    writeDataset(join(dir, "data"), { ...size, users: batchesOf(size) * size.batch });
    return figuresOf(await measure(dir, size, until), size, gemmGflops);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function measure(dir: string, size: Size, until: Until): Promise<Measured> {
  const { batch, trainers, engine, sync, every } = size;
  const local = sync === "local" ? ["--sync", "local", "--every", String(every)] : [];
  const sizes = ["--epochs", "1000", "--batch-size", String(batch), ...local];
  const serverFlags = ["--data", join(dir, "data"), "--out", join(dir, "out"), ...sizes];
  const device = watchDeviceMemory();
  return withCluster({ dir, serverFlags, trainers, engine }, until, async (cluster) => {
    const start = await readingAfter(cluster, WARM_EPOCHS);
    process.stderr.write("warm; timing\n");
    const end = await readingAfter(cluster, WARM_EPOCHS + TIMED_EPOCHS);
    return { start, end, deviceBytes: device.peak() };
  }).finally(device.stop);
}

function figuresOf({ start, end, deviceBytes }: Measured, size: Size, gemmGflops: number): TrainFigures {
  const [encoder, decoder, score] = (["encoder", "decoder", "score"] as const).map((phase) =>
    timingBetween(start.server, end.server, phase),
  ) as [Timing, Timing, Timing];
  const steps = encoder.steps + decoder.steps;
  const bytes = bytesBetween(start.server, end.server);
  // all on this machine, by memory
  const shape = {
    ...size,
    partSize: PART,
    config: recipeOf({ ...defaults, items: size.items }),
    copies: 1,
  };
  const run = { encoder: encoder.steps, decoder: decoder.steps, scored: score.steps * size.heldOut };
  const stepMs = ({ seconds, steps }: Timing) => (1000 * seconds) / steps;
  const epoch = stepsOf(size);
  const outerEpochSeconds = (epoch.encoder * stepMs(encoder) + epoch.decoder * stepMs(decoder)) / 1000;
  const { encoderStep, decoderStep } = gflopOf(size);
  const outerEpoch = epoch.encoder * encoderStep + epoch.decoder * decoderStep;
  const split = { encoder: splitOf(encoder, size.trainers), decoder: splitOf(decoder, size.trainers) };
  return {
    engine: end.trainers[0]?.engine ?? "",
    device: devicesOf(end),
    encoderStepMs: stepMs(encoder),
    decoderStepMs: stepMs(decoder),
    outerEpochSeconds,
    exchangeShare: exchangeShareOf(size, split, { encoder, decoder }),
    compileSeconds: Math.max(0, ...end.trainers.map(({ compileSeconds }) => compileSeconds)),
    peakMemoryBytes: {
      device: deviceBytes,
      server: end.server.peakMemoryBytes,
      trainer: Math.max(0, ...end.trainers.map(({ peakMemoryBytes }) => peakMemoryBytes)),
    },
    split,
    gflop: { encoderStep, decoderStep, outerEpoch },
    gemmGflops,
    gemmShare: outerEpoch / outerEpochSeconds / gemmGflops,
    evaluationSeconds: score.seconds / score.steps,
    cpuShare: cpuShareBetween(start, end),
    bytesPerStep: { ...perStep(bytes, steps), memory: perStep(bytes.memory, steps) },
    bytesFormula: size.sync === "exact" ? perStep(trafficOfRun(shape, run), steps) : undefined,
  };
}

const perStep = ({ sent, received }: Traffic, steps: number): Traffic => ({
  sent: sent / steps,
  received: received / steps,
});

/** Of trainers that compute side by side, a step waits for its share of their time. */
function splitOf({ steps, seconds, sections }: Timing, trainers: number): Record<string, number> {
  const own = new Set(["firstLayer", "adam"]);
  const ms = Object.entries(sections).map(
    ([name, spent]) => [name, (1000 * spent) / steps / (own.has(name) ? 1 : trainers)] as const,
  );
  const timed = ms.reduce((sum, [, each]) => sum + each, 0);
  return Object.fromEntries([...ms, ["wire", (1000 * seconds) / steps - timed]]);
}

/** Sections of a step that are there because more than one process computes. */
const exchanged = { exact: ["wire"], local: ["wire", "adam", "firstLayer", "toDevice", "fromDevice"] } as const;

function exchangeShareOf(
  { sync }: Size,
  split: TrainFigures["split"],
  timings: Readonly<Record<"encoder" | "decoder", Timing>>,
): number {
  const phases = ["encoder", "decoder"] as const;
  const ms = (phase: (typeof phases)[number]) =>
    exchanged[sync].reduce((sum, name) => sum + (split[phase][name] ?? 0), 0);
  const all = phases.reduce((sum, phase) => sum + 1000 * timings[phase].seconds, 0);
  return phases.reduce((sum, phase) => sum + ms(phase) * timings[phase].steps, 0) / all;
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
  const isPaper =
    size.items === 20_108 &&
    size.batch === 500 &&
    size.perUser === 86 &&
    size.trainers === 2 &&
    size.epochUsers === 116_677 &&
    size.heldOut === 10_000;
  const atMost = (value: number) => (isPaper ? { limit: { is: "at most" as const, value } } : {});
  const { peakMemoryBytes: peak, split, gflop, cpuShare, bytesPerStep, bytesFormula } = figures;
  const epoch = stepsOf(size);
  const wanted = size.sync === "exact" ? { most: 35, aim: 25 } : { most: 8, aim: 4 };
  const parts = (phase: "encoder" | "decoder") =>
    Object.entries(split[phase]).map(([name, value]) => ({ name: `  ${phase} step: ${name}`, value, unit: "ms" }));
  return [
    { name: "encoder step", value: figures.encoderStepMs, unit: "ms" },
    ...parts("encoder"),
    { name: "decoder step", value: figures.decoderStepMs, unit: "ms" },
    ...parts("decoder"),
    { name: `outer epoch of ${epoch.encoder} + ${epoch.decoder} steps`, value: figures.outerEpochSeconds, unit: "s" },
    { name: "exchange, of the time of steps", value: 100 * figures.exchangeShare, unit: "%" },
    ...(figures.compileSeconds > 0 ? [{ name: "XLA compiled", value: figures.compileSeconds, unit: "s" }] : []),
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
    ...(peak.device === null ? [] : [{ name: "peak memory of a GPU", value: peak.device / GIB, unit: "GiB" }]),
    {
      name: `CPU of server and wire (aim ${wanted.aim} %)`,
      value: 100 * (1 - cpuShare.compute),
      unit: "%",
      ...atMost(wanted.most),
    },
    { name: "  server: bags, adding, Adam, planning", value: 100 * cpuShare.server, unit: "%" },
    { name: "  wire", value: 100 * cpuShare.wire, unit: "%" },
    ...bytesLines(bytesPerStep, bytesFormula),
    { name: `evaluation of ${size.heldOut} users`, value: figures.evaluationSeconds, unit: "s", ...atMost(10) },
  ];
}

function bytesLines({ memory, ...socket }: TrainFigures["bytesPerStep"], formula: Traffic | undefined): Figure[] {
  return (["sent", "received"] as const).flatMap((way) => [
    { name: `${way} a step, by socket`, value: socket[way] / 1e6, unit: "MB" },
    { name: `${way} a step, by memory`, value: memory[way] / 1e6, unit: "MB" },
    ...(formula ? [{ name: `${way} a step, by the formula`, value: formula[way] / 1e6, unit: "MB" }] : []),
  ]);
}
