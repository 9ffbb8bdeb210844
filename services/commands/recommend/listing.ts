// Recommended items as a table for people. Ids and titles are a stranger's words: what would move the cursor, or forge
// a row, is escaped, on a terminal or off it. Pure.
import { onOneLine } from "../../../shared/runtime/printable.ts";

interface Listed {
  readonly item: string;
  readonly score: number;
  readonly title?: string | null;
}

export function tableOf(items: readonly Listed[]): string {
  const rows = items.map(
    ({ item, score, title }, k) => [String(k + 1), score.toFixed(3), onOneLine(item), onOneLine(title ?? "")] as const,
  );
  const header = ["rank", "score", "item", items.some(({ title }) => title) ? "title" : ""] as const;
  const width = Math.max(4, ...rows.map(([, , item]) => item.length));
  const line = ([rank, score, item, title]: typeof header | (typeof rows)[number]) =>
    `${rank.padStart(4)}  ${score.padStart(7)}  ${item.padEnd(width)}  ${title}`.trimEnd();
  return `${[header, ...rows].map(line).join("\n")}\n`;
}
