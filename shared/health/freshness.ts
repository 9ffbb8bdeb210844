// How long marked events took from their arrival in Kafka to one stage of the flow: a histogram for /metrics, the newest ones' quantiles for /status.
import type { Metrics } from "../runtime/metrics.ts";
import type { latency, Said } from "./status/units.ts";

/** In a committed file; in the first step of the first round that can learn from it; in the published model. */
export type Stage = "table" | "gradient" | "published";

export interface Freshness {
  /** Arrivals of marked events that have reached the stage just now, ms since 1970. */
  reached(arrivals: readonly number[]): void;
  latency(): Said<typeof latency>;
}

/** Clocks of two machines, or of a producer and us, may differ by so much. */
const AHEAD_MS = 5000;

/**
 * Seconds by which a model is behind the newest event; 0 when it covers every event that is known, `newest` null for none known. Nobody has learned from an event that came
 * after the model was published: a timestamp ahead of its time counts no further than that. Null where the clock stands before what the model covers: nobody knows then.
 */
export function behindOf(published: { watermark: number; at: number | null }, newest: number | null, now: number): number | null {
  const covered = Math.min(published.watermark, published.at ?? Number.POSITIVE_INFINITY);
  if (covered > now + AHEAD_MS) return null;
  return newest === null || newest > covered ? Math.max(0, (now - covered) / 1000) : 0;
}

/** Ten minutes at a mark a second. */
const NEWEST = 600;

export function openFreshness(metrics: Metrics, stage: Stage, now: () => number = Date.now): Freshness {
  const histogram = metrics.histogram("tributary_freshness_seconds");
  let newest: number[] = [];
  let events = 0;
  return {
    reached(arrivals) {
      const at = now();
      // of one that lies ahead of the clock nobody knows how long it took
      const seconds = arrivals.filter((arrival) => arrival <= at + AHEAD_MS).map((arrival) => Math.max(0, (at - arrival) / 1000));
      for (const each of seconds) histogram.observe({ stage }, each);
      newest = [...newest, ...seconds].slice(-NEWEST);
      events += seconds.length;
    },
    latency() {
      const sorted = [...newest].sort((a, b) => a - b);
      const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
      return { p50: quantile(0.5), p95: quantile(0.95), max: quantile(1), events };
    },
  };
}
