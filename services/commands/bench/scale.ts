// How fast would 64 trainers be? The costs of a step, measured on this machine, played through the real machine that
// leases parts, for as many trainers and links as are asked for.
import { usualSchedule } from "../../../shared/neural/schedule.ts";
import type { Costs } from "./costs.ts";
import { longTailedRow } from "./rows.ts";
import { type Machine, type Network, simulate, type Workload } from "./simulation.ts";
import { type TrainedPhase, trainedPhases } from "./window.ts";
import { exactStep, outerStep } from "./workloads.ts";

/**
 * Exact: a part a trainer, so the batch grows with them. Smaller parts: the batch stays, its parts shrink. Local: each
 * trainer takes K batches between two averages.
 */
const modes = ["exact", "exact, smaller parts", "local"] as const;
type Mode = (typeof modes)[number];

export interface ScaleRow {
  readonly mode: Mode;
  readonly bitsPerSecond: number;
  readonly trainers: number;
  /** Users between two moves of the weights. */
  readonly batch: number;
  readonly partSize: number;
  /** Users a second through an outer epoch, three encoder passes and one of the decoder. */
  readonly usersPerSecond: number;
  /** Against one trainer of the same mode and link; and that over the number of trainers. */
  readonly speedUp: number;
  readonly efficiency: number;
  /** Share of the trainers' time in which they compute. */
  readonly computing: number;
}

interface ScaleSize {
  readonly trainers: readonly number[];
  readonly bandwidth: readonly number[];
  readonly latencyMs: number;
  readonly every: number;
}

const STEPS = 40;
const JITTER = 0.1;
const SEED = 1337;
const passes: Record<TrainedPhase, number> = {
  encoder: usualSchedule.encoderPasses,
  decoder: usualSchedule.decoderPasses,
};

export function scaleRows<S>(
  machine: Machine<S>,
  costs: Costs,
  { trainers, bandwidth, latencyMs, every }: ScaleSize,
): ScaleRow[] {
  const touched = touchedBy(costs.size, every);
  return modes.flatMap((mode) =>
    bandwidth.flatMap((bitsPerSecond) => {
      const of = (count: number) =>
        measure(machine, loadOf(mode, costs, count, every, touched), { bitsPerSecond, latencyMs }, count);
      const alone = of(1).usersPerSecond;
      return trainers.map((count): ScaleRow => {
        const { partSize, batch, usersPerSecond, computing } = of(count);
        const speedUp = usersPerSecond / alone;
        return {
          mode,
          bitsPerSecond,
          trainers: count,
          batch,
          partSize,
          usersPerSecond,
          speedUp,
          efficiency: speedUp / count,
          computing,
        };
      });
    }),
  );
}

interface Load {
  readonly batch: number;
  readonly partSize: number;
  readonly steps: Record<TrainedPhase, Workload>;
}

function loadOf(mode: Mode, costs: Costs, trainers: number, every: number, touched: number): Load {
  const { batch, partSize: usual } = costs.size;
  const both = (of: (phase: TrainedPhase) => Workload) => ({ encoder: of("encoder"), decoder: of("decoder") });
  if (mode === "local")
    return {
      batch: trainers * every * batch,
      partSize: every * batch,
      steps: both((phase) => outerStep(costs, phase, trainers, every, touched)),
    };
  const parts = mode === "exact" ? trainers : Math.max(trainers, Math.ceil(batch / usual));
  const partSize = mode === "exact" ? usual : Math.ceil(batch / parts);
  return { batch: parts * partSize, partSize, steps: both((phase) => exactStep(costs, phase, parts, partSize)) };
}

function measure<S>(machine: Machine<S>, { batch, partSize, steps }: Load, network: Network, trainers: number) {
  const runs = trainedPhases.map((phase) => ({
    passes: passes[phase],
    ...simulate(machine, steps[phase], network, { trainers, steps: STEPS, jitter: JITTER, seed: SEED }),
  }));
  const milliseconds = runs.reduce((total, run) => total + run.passes * run.milliseconds, 0);
  const computing = runs.reduce(
    (total, run) => total + (run.computing * run.passes * run.milliseconds) / milliseconds,
    0,
  );
  return { batch, partSize, computing, usersPerSecond: (1000 * STEPS * batch) / milliseconds };
}

/** Rows of the first layer that the users of one trainer's outer step touch. */
function touchedBy({ items, batch, perUser }: Costs["size"], every: number): number {
  const touched = new Set<number>();
  for (let user = 0; user < every * batch; user++)
    for (const item of longTailedRow(user, perUser, items)) touched.add(item);
  return touched.size;
}

/** One line for each number of trainers, a column for each link. */
export function scaleTable(rows: readonly ScaleRow[]): string {
  const links = [...new Set(rows.map(({ bitsPerSecond }) => bitsPerSecond))];
  const head = [
    "mode",
    "trainers",
    "batch",
    "part",
    ...links.flatMap((link) => [`${link / 1e9} Gbit/s: users/s`, "efficiency"]),
  ];
  const lines = rows
    .filter(({ bitsPerSecond }) => bitsPerSecond === links[0])
    .map(({ mode, trainers, batch, partSize }) => [
      ...[mode, trainers, batch, partSize].map(String),
      ...links.flatMap((link) => {
        const row = rows.find(
          (each) => each.mode === mode && each.trainers === trainers && each.bitsPerSecond === link,
        )!;
        return [row.usersPerSecond.toFixed(0), `${(100 * row.efficiency).toFixed(0)} %`];
      }),
    ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]!.length)));
  return [head, ...lines]
    .map((line) => line.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join("  "))
    .join("\n");
}
