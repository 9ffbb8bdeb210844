// The report as Markdown, for a repository or a ticket: words and tables; figures stand in report.html. Pure.
import type { Block, Cell, Document, Table } from "./document.ts";

export function markdownOf({ title, lead, sections }: Document): string {
  return [
    `# ${escaped(title)}`,
    lead.map(escaped).join("\n"),
    ...sections.flatMap(({ title, blocks }) => [`## ${escaped(title)}`, ...blocks.map(blockOf)]),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function blockOf(block: Block): string {
  switch (block.kind) {
    case "text":
      return escaped(block.text);
    case "list":
      return block.items.map((item) => `- ${escaped(item)}`).join("\n");
    case "table":
      return tableOf(block);
    case "figure":
      return `*Figure in report.html: ${escaped(block.caption)}*`;
  }
}

function tableOf({ head, rows, words }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, k) => (k === 0 || words.includes(k) ? "---" : "---:"));
  return [line(head.map(escaped)), line(rule), ...rows.map((cells) => line(cells.map(cellOf)))].join("\n");
}

const cellOf = ({ text, isStrong }: Cell) => (isStrong ? `**${escaped(text)}**` : escaped(text));

/** Names of data and words of errors are shown as they are. */
const escaped = (text: string) =>
  text.replace(/[\\`*_{}[\]<>#|~]/g, (character) => `\\${character}`).replace(/[\r\n]+/g, " ");
