// Where the published model's delay comes from, by what the stages say of themselves: events wait for the table, for a
// round that begins and ends, for the evaluator. Pure.
import type { Flow } from "./flow.ts";
import { freshnessOf } from "./freshness.ts";

export type StaleBy = "pin" | "refusals" | "ingest" | "rounds" | "evaluator";

export interface Staleness {
  /** By which the model is behind the events. */
  readonly seconds: number;
  /** The largest share of it. */
  readonly by: StaleBy;
  /** Of the newest evaluation: seconds, and what most of them went into. */
  readonly evaluation: { readonly seconds: number; readonly most: string | null } | null;
}

/** Null where nobody knows, or the model covers every event. */
export function stalenessOf(flow: Flow): Staleness | null {
  const seconds = freshnessOf(flow) ?? 0;
  const status = flow.evaluator?.status;
  if (seconds === 0 || !status) return null;
  const newest = status.evaluations.at(-1);
  const evaluation = newest?.seconds == null ? null : { seconds: newest.seconds, most: mostOf(newest.took ?? {}) };
  const by = status.pinned ? "pin" : newest?.outcome === "refused" ? "refusals" : slowestOf(flow);
  return { seconds, by, evaluation };
}

/**
 * Between what the round that is under way has pinned and what the published model has lie one round and the
 * evaluator's part; before the pin ingest's, and what the round has taken so far.
 */
function slowestOf({ now, ingest, server, evaluator }: Flow): "ingest" | "rounds" | "evaluator" {
  const pinned = server?.status?.watermark ?? null;
  const covered = evaluator?.status?.published?.watermark ?? null;
  if (pinned === null || covered === null) return "rounds";
  const [before = null, last = null] = (server?.status?.lossHistory ?? []).slice(-2).map(({ at }) => at);
  const round = before === null || last === null ? 0 : (last - before) / 1000;
  const table = ingest?.status?.lag?.seconds ?? 0;
  const judging = (pinned - covered) / 1000 - round;
  const rounds = (now - pinned) / 1000 - table + round;
  return judging > Math.max(rounds, table) ? "evaluator" : table > rounds ? "ingest" : "rounds";
}

const mostOf = (took: Readonly<Record<string, number | null | undefined>>): string | null =>
  Object.entries(took).reduce<[string | null, number]>(
    ([most, longest], [part, seconds]) => ((seconds ?? 0) > longest ? [part, seconds!] : [most, longest]),
    [null, 0],
  )[0];
