// Published versions as lines of a table, the newest last: `models list` and the dashboard show the same. Pure.
import type { Mix } from "../ranking/mix.ts";
import { below, metric } from "./leaves.ts";
import type { ModelRecord, Unreadable } from "./records.ts";

export interface Line {
  readonly version: string;
  readonly current: boolean;
  readonly pinned: boolean;
  readonly publishedAt: number | null;
  readonly step: number | null;
  readonly round: number | null;
  readonly items: number | null;
  readonly "ndcg@100": number | null;
  readonly standardError: number | null;
  /** NDCG@100 of plain popularity on the same users. */
  readonly popularity: number | null;
  /** Weights of what is laid over its scores; null for nothing. */
  readonly mix: Mix | null;
  readonly parent: string | null;
  /** Why it cannot be read. */
  readonly problem: string | null;
}

interface Pointers {
  readonly current: string | null;
  readonly pinned: string | null;
}

export function linesOf(records: readonly (ModelRecord | Unreadable)[], { current, pinned }: Pointers): Line[] {
  return records.map((record) => {
    const { version } = record;
    const marks = { version, current: version === current, pinned: version === pinned };
    if ("problem" in record) return { ...marks, ...nothing, problem: record.problem };
    const { manifest, metrics } = record;
    const { mean, standardError } = metric(below(metrics, "metrics"), "ndcg@100");
    return {
      ...marks,
      publishedAt: publishedAt(record),
      step: manifest.step,
      round: manifest.round,
      items: manifest.vocabulary.count,
      "ndcg@100": mean,
      standardError,
      popularity: metric(below(metrics, "popularity"), "ndcg@100").mean,
      mix: manifest.trends ?? null,
      parent: manifest.published?.parent ?? null,
      problem: null,
    };
  });
}

const nothing = {
  ...{ publishedAt: null, step: null, round: null, items: null },
  ...{ "ndcg@100": null, standardError: null, popularity: null, mix: null, parent: null },
};

/** Versions of before the manifest said so have it in their metrics. */
export function publishedAt({ manifest, metrics }: ModelRecord): number | null {
  return manifest.published?.at ?? (new Map(Object.entries(metrics ?? {})).get("at") as number | undefined) ?? null;
}
