// How far the published model is behind the events, and how long marked ones took to get there. Pure.
import { AHEAD_MS } from "../status/freshness.ts";
import type { Reading } from "../status/readings.ts";
import type { Flow, Seen } from "./flow.ts";

/**
 * Seconds by which a model is behind the newest event; 0 when it covers every event that is known, `newest` null for
 * none known. Nobody has learned from an event that came after the model was published: a timestamp ahead of its time
 * counts no further than that. Null where the clock stands before what the model covers: nobody knows then.
 */
export function behindOf(
  published: { watermark: number; at: number | null },
  newest: number | null,
  now: number,
): number | null {
  const covered = Math.min(published.watermark, published.at ?? Number.POSITIVE_INFINITY);
  if (covered > now + AHEAD_MS) return null;
  return newest === null || newest > covered ? Math.max(0, (now - covered) / 1000) : 0;
}

/** Ms: after so much silence nobody knows what has arrived since. */
const silent = 5000;

/**
 * Seconds by which the published model is behind the newest event; 0 when it covers every event that is known here,
 * null while there is no model or no clock to tell by.
 */
export function freshnessOf({ now, ingest, evaluator }: Flow): number | null {
  const { watermark = null, at = null } = evaluator?.status?.published ?? {};
  if (watermark === null) return null;
  const isSilent = ingest !== null && ingest.silence > silent;
  return behindOf({ watermark, at }, isSilent ? null : (ingest?.status?.newestArrival ?? 0), now);
}

/** Seconds over the newest marked events. */
type Latency = Reading<"ingest">["freshness"];

export interface Latencies {
  /** Answers of serve take the event into account. */
  readonly answer: Latency;
  readonly table: Latency;
  /** The first step of the first round that covers the event. */
  readonly gradient: Latency;
  readonly published: Latency;
}

/** From a marked event's arrival to each stage, as far as the services tell. */
export function latenciesOf({ ingest, server, evaluator, serve }: Flow): Latencies {
  const of = (seen: Seen<{ freshness: Latency }> | null) => seen?.status?.freshness ?? null;
  return { answer: of(serve), table: of(ingest), gradient: of(server), published: of(evaluator) };
}
