// `models list`: one line a version, the newest last. Pure.
import { count, duration } from "../../shared/picture/figures.ts";
import { below, metric } from "./figures.ts";
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
      parent: manifest.published?.parent ?? null,
      problem: null,
    };
  });
}

const nothing = {
  ...{ publishedAt: null, step: null, round: null, items: null },
  ...{ "ndcg@100": null, standardError: null, popularity: null, parent: null },
};

/** Versions of before the manifest said so have it in their metrics. */
export function publishedAt({ manifest, metrics }: ModelRecord): number | null {
  return manifest.published?.at ?? (new Map(Object.entries(metrics ?? {})).get("at") as number | undefined) ?? null;
}

export function listText(lines: readonly Line[], modelsDir: string, now: number): string {
  if (lines.length === 0) return `no model has been published in ${modelsDir}\n`;
  const head = ["version", "published", "age", "step", "round", "items", "NDCG@100", "popularity", "parent", ""];
  const rows = lines.map((line) => [
    line.version,
    line.publishedAt === null ? "–" : time(line.publishedAt),
    line.publishedAt === null ? "–" : duration((now - line.publishedAt) / 1000),
    count(line.step),
    count(line.round),
    count(line.items),
    `${ratio(line["ndcg@100"])} ± ${ratio(line.standardError)}`,
    ratio(line.popularity),
    line.parent ?? "–",
    [line.current && "current", line.pinned && "pinned", line.problem && `cannot be read: ${line.problem}`].filter(Boolean).join(", "),
  ]);
  return tableText([head, ...rows]);
}

/** Columns beside each other, as wide as their widest cell. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** To the second, UTC. */
export const time = (at: number) => new Date(at).toISOString().replace("T", " ").slice(0, 19);

const ratio = (value: number | null) => (value === null ? "–" : value.toFixed(4));
