// How long marked events took from their arrival in Kafka to one stage of the flow: a histogram for /metrics, the
// newest ones' quantiles for /status.
import type { Metrics } from "../../runtime/metrics.ts";
import type { latency, Said } from "./units.ts";

/**
 * Answers of serve take it into account; in a committed file; in the first step of the first round that can learn from
 * it; in the published model.
 */
export type Stage = "answer" | "table" | "gradient" | "published";

export interface Freshness {
  /** Arrivals of marked events that have reached the stage just now, ms since 1970. */
  reached(arrivals: readonly number[]): void;
  latency(): Said<typeof latency>;
}

/** Clocks of two machines, or of a producer and us, may differ by so much. */
export const AHEAD_MS = 5000;

/** Ten minutes at a mark a second; a minute of answers, which an hour-old rush says nothing of. */
const newestOf: Readonly<Record<Stage, number>> = { answer: 60, table: 600, gradient: 600, published: 600 };

export function openFreshness(metrics: Metrics, stage: Stage, now: () => number = Date.now): Freshness {
  const histogram = metrics.histogram("tributary_freshness_seconds");
  let newest: number[] = [];
  let events = 0;
  return {
    reached(arrivals) {
      const at = now();
      // of one that lies ahead of the clock nobody knows how long it took
      const seconds = arrivals
        .filter((arrival) => arrival <= at + AHEAD_MS)
        .map((arrival) => Math.max(0, (at - arrival) / 1000));
      for (const each of seconds) histogram.observe({ stage }, each);
      newest = [...newest, ...seconds].slice(-newestOf[stage]);
      events += seconds.length;
    },
    latency() {
      const sorted = [...newest].sort((a, b) => a - b);
      const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
      return { p50: quantile(0.5), p95: quantile(0.95), max: quantile(1), events };
    },
  };
}
