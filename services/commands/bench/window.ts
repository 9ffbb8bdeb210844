// What passed between two readings of a cluster: times, processor time, bytes. Pure; train.ts and costs.ts make their
// figures of it.
import type { Timing } from "../../../shared/health/status/server.ts";
import type { Accounts, Reading, ServerStatus } from "./cluster.ts";

export type TrainedPhase = "encoder" | "decoder";
export const trainedPhases = ["encoder", "decoder"] as const satisfies readonly TrainedPhase[];

export function timingBetween(start: ServerStatus, end: ServerStatus, phase: TrainedPhase | "score"): Timing {
  const nothing: Timing = { steps: 0, seconds: 0, sections: {} };
  const [before, after] = [start.timings[phase] ?? nothing, end.timings[phase] ?? nothing];
  return {
    steps: after.steps - before.steps,
    seconds: after.seconds - before.seconds,
    sections: less(after.sections, before.sections),
  };
}

/** Seconds of each section that were charged to these accounts. */
export function cpuBetween(start: Accounts, end: Accounts, accounts: readonly string[]): Record<string, number> {
  return summed(accounts.map((account) => less(end[account] ?? {}, start[account] ?? {})));
}

/** The same of all trainers together. */
export const trainerCpuBetween = (start: Reading, end: Reading, accounts: readonly string[]): Record<string, number> =>
  summed(end.trainers.map(({ cpu }, k) => cpuBetween(start.trainers[k]?.cpu ?? {}, cpu, accounts)));

/** Shares of all seconds of the processor; they sum to 1. */
export interface CpuShare {
  /** Trainers' arithmetic, from the tensors that came to those that go. */
  readonly compute: number;
  /**
   * All else that trainers do from their first lease to their last, and the server's receiving, decoding, encoding,
   * sending.
   */
  readonly wire: number;
  /** Bags, adding up, Adam, planning. */
  readonly server: number;
}

/**
 * Of the steps that train; evaluation and checkpoints, once an epoch, would weigh thirty times too much in a short run.
 */
export function cpuShareBetween(start: Reading, end: Reading): CpuShare {
  const ofServer = cpuBetween(start.server.cpu, end.server.cpu, trainedPhases);
  const { compute = 0, ...handling } = trainerCpuBetween(start, end, trainedPhases);
  const { bags = 0, add = 0, adam = 0, plan = 0, ...moving } = ofServer;
  const server = bags + add + adam + plan;
  const wire = total(handling) + total(moving);
  const all = compute + wire + server;
  return { compute: compute / all, wire: wire / all, server: server / all };
}

/** Bytes that left the server and reached it, by socket and by memory. */
export function bytesBetween({ bytes: before }: ServerStatus, { bytes: after }: ServerStatus) {
  return {
    sent: after.sent - before.sent,
    received: after.received - before.received,
    memory: { sent: after.memory.sent - before.memory.sent, received: after.memory.received - before.memory.received },
  };
}

function less(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]));
}

function summed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const each of all) for (const [name, value] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

const total = (seconds: Readonly<Record<string, number>>) =>
  Object.values(seconds).reduce((sum, each) => sum + each, 0);
