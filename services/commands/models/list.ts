// `models list`: one line a version, the newest last. Pure.
import type { Line } from "../../../shared/checkpoints/lines.ts";
import { aligned } from "../../../shared/health/views/columns.ts";
import { count, duration } from "../../../shared/health/views/figures.ts";
import { mixInShort } from "../../../shared/health/views/mix.ts";

export function listText(lines: readonly Line[], modelsDir: string, now: number): string {
  if (lines.length === 0) return `no model has been published in ${modelsDir}\n`;
  const head = [
    "version",
    "published",
    "age",
    "step",
    "round",
    "items",
    "NDCG@100",
    "popularity",
    "laid over",
    "parent",
    "",
  ];
  const rows = lines.map((line) => [
    line.version,
    line.publishedAt === null ? "–" : time(line.publishedAt),
    line.publishedAt === null ? "–" : duration((now - line.publishedAt) / 1000),
    count(line.step),
    count(line.round),
    count(line.items),
    `${ratio(line["ndcg@100"])} ± ${ratio(line.standardError)}`,
    ratio(line.popularity),
    mixInShort(line.mix),
    line.parent ?? "–",
    [line.current && "current", line.pinned && "pinned", line.problem && `cannot be read: ${line.problem}`]
      .filter(Boolean)
      .join(", "),
  ]);
  return aligned([head, ...rows]);
}

/** To the second, UTC. */
export const time = (at: number) => new Date(at).toISOString().replace("T", " ").slice(0, 19);

const ratio = (value: number | null) => (value === null ? "–" : value.toFixed(4));
