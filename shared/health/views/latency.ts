// How long an event takes from Kafka to each stage of the flow, in a line for people. Pure.
import type { Latencies } from "../facts/freshness.ts";
import { elapsed } from "./figures.ts";

const stages = {
  answer: "to answers",
  table: "to table",
  gradient: "to first gradient",
  published: "to published model",
} as const;

/** Undefined before the first marked event. */
export function latencyLine(latencies: Latencies): string | undefined {
  const parts = Object.entries(stages).flatMap(([stage, name]) => {
    const { p50 = null, p95 = null } = latencies[stage as keyof Latencies] ?? {};
    return p50 === null ? [] : [`${name} ${elapsed(p50)} (p95 ${elapsed(p95)})`];
  });
  return parts.length === 0 ? undefined : `event ${parts.join(" · ")}`;
}
