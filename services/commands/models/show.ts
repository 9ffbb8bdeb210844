// `models show`: everything that a version says of itself. Pure.
import { below, flattened } from "../../../shared/checkpoints/leaves.ts";
import { publishedAt } from "../../../shared/checkpoints/lines.ts";
import type { ModelRecord } from "../../../shared/checkpoints/records.ts";
import { aligned } from "../../../shared/health/views/columns.ts";
import { duration } from "../../../shared/health/views/figures.ts";
import { time } from "./list.ts";

export function showText(
  record: ModelRecord,
  { current, pinned }: { current: string | null; pinned: string | null },
  now: number,
): string {
  const { version, manifest, metrics } = record;
  const at = publishedAt(record);
  const marks = [version === current && "current", version === pinned && "pinned"].filter(Boolean).join(", ");
  const { published: _, ...own } = manifest;
  const head = [
    ["published", at === null ? "–" : `${time(at)}, ${duration((now - at) / 1000)} ago`],
    ["parent", manifest.published?.parent ?? "–"],
  ];
  const {
    metrics: _metrics,
    popularity: _popularity,
    contract: _contract,
    ...about
  } = Object.fromEntries(Object.entries(metrics ?? {}));
  const sections = {
    manifest: own,
    metrics: below(metrics, "metrics"),
    popularity: below(metrics, "popularity"),
    contract: below(metrics, "contract"),
    evaluation: about,
  };
  const text = Object.entries(sections).map(([title, value]) => {
    const rows = flattened(value).map(([name, leaf]) => [`  ${name}`, String(leaf)]);
    return rows.length === 0 ? "" : `\n${title}\n${aligned(rows)}`;
  });
  return `${version}${marks && `  ${marks}`}\n${aligned(head)}${text.join("")}`;
}
