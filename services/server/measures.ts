// What /metrics says of the server beside its steps: gauges of how things stand, and counters that follow totals kept
// elsewhere. Fed by progress.ts.
import { trainerStates } from "../../shared/health/status/server.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { activities, type Times } from "../../shared/training/messages.ts";
import type { Bytes } from "./pace.ts";
import type { Adam, Norm } from "./run/norms.ts";
import type { SchedulerStatus } from "./scheduler/scheduler-status.ts";

export interface Standing extends Pick<SchedulerStatus, "parts" | "deadlineMs" | "trainers"> {
  readonly bytes: Bytes;
  readonly rejected: number;
  /** Seconds; null before the first checkpoint. */
  readonly checkpointAge: number | null;
  /** Seconds since the open step was opened; 0 while none is. */
  readonly stepAge: number;
  readonly norms: Readonly<Partial<Record<Adam, Norm>>>;
}

/**
 * To be told how things stand at every scrape, and after every step: of a trainer that leaves no more than its last
 * step is missed.
 */
export function openMeasures(metrics: Metrics): (standing: Standing) => void {
  let before: Pick<Standing, "bytes" | "rejected"> = { bytes: { sent: 0, received: 0 }, rejected: 0 };
  let secondsBefore = new Map<string, Times>();
  return ({ parts, deadlineMs, trainers, bytes, rejected, checkpointAge, stepAge, norms }) => {
    const gauge = metrics.gauge("tributary_step_parts");
    gauge.set({ state: "open" }, parts.total - parts.leased - parts.done);
    gauge.set({ state: "leased" }, parts.leased);
    gauge.set({ state: "done" }, parts.done);
    if (deadlineMs !== null) metrics.gauge("tributary_lease_deadline_seconds").set(deadlineMs / 1000);
    if (checkpointAge !== null) metrics.gauge("tributary_checkpoint_age_seconds").set(checkpointAge);

    metrics.gauge("tributary_step_age_seconds").set(stepAge);
    for (const [group, { gradient, update }] of Object.entries(norms)) {
      metrics.gauge("tributary_gradient_norm").set({ group }, gradient);
      metrics.gauge("tributary_update_norm").set({ group }, update);
    }

    const all = [...trainers.values()];
    metrics
      .gauge("tributary_trainer_pace_ratio")
      .set(paceOf(all.flatMap(({ partMs }) => (partMs === null ? [] : [partMs]))));
    for (const state of trainerStates)
      metrics.gauge("tributary_trainers").set({ state }, all.filter((trainer) => trainer.state === state).length);

    for (const direction of ["sent", "received"] as const)
      metrics.counter("tributary_wire_bytes_total").inc({ direction }, bytes[direction] - before.bytes[direction]);
    metrics.counter("tributary_peers_rejected_total").inc(rejected - before.rejected);
    before = { bytes: { ...bytes }, rejected };

    // Summed over trainers: their names would be labels without an end.
    const spent = metrics.counter("tributary_trainer_seconds_total");
    for (const [id, { seconds }] of trainers)
      for (const activity of activities)
        spent.inc({ activity }, seconds[activity] - (secondsBefore.get(id)?.[activity] ?? 0));
    secondsBefore = new Map([...trainers].map(([id, { seconds }]) => [id, { ...seconds }]));
  };
}

/** How much longer the slowest takes than the median, of two the faster one; 1 where nobody can be compared. */
function paceOf(times: readonly number[]): number {
  if (times.length < 2) return 1;
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.at(-1)! / sorted[(sorted.length - 1) >> 1]!;
}
