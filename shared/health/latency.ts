// How long an event takes from Kafka to each stage of the flow: what the services tell of marked events, and a line of it for people. Pure.
import { elapsed } from "./figures.ts";
import type { Reading } from "./status/readings.ts";

/** Seconds over the newest marked events. */
type Latency = Reading<"ingest">["freshness"];

export interface Latencies {
  readonly table: Latency;
  /** The first step of the first round that covers the event. */
  readonly gradient: Latency;
  readonly published: Latency;
}

const stages = { table: "to table", gradient: "to first gradient", published: "to published model" } as const;

/** Undefined before the first marked event. */
export function latencyLine(latencies: Latencies): string | undefined {
  const told = Object.entries(stages).flatMap(([stage, name]) => {
    const { p50 = null, p95 = null } = latencies[stage as keyof Latencies] ?? {};
    return p50 === null ? [] : [`${name} ${elapsed(p50)} (p95 ${elapsed(p95)})`];
  });
  return told.length === 0 ? undefined : `event ${told.join(" · ")}`;
}
