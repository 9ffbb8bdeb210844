// The report as one HTML file that needs nothing else: words, tables, figures drawn in, for light and dark and for any
// width. Pure.
import type { Block, Cell, Document, FigureName, Table } from "./document.ts";
import { style } from "./style.ts";

/** A figure drawn for a page beside a table of contents, and for a phone. */
export type Drawn = Readonly<Partial<Record<FigureName, { readonly wide: string; readonly narrow: string }>>>;

/** `when`: for people, such as 24 November 2026. */
export function htmlOf({ title, lead, sections }: Document, drawn: Drawn, when: string): string {
  const links = sections.map(({ id, title }) => `<li><a href="#${id}">${escaped(title)}</a></li>`);
  const bodies = sections.map(
    ({ id, title, blocks }) =>
      `<section aria-labelledby="${id}"><h2 ` +
      `id="${id}">${escaped(title)}</h2>\n${blocks.map((block) => blockOf(block, drawn)).join("\n")}\n</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<div class="page">
<header><h1>${escaped(title)}</h1>${lead.map((sentence) => `<p>${escaped(sentence)}</p>`).join("")}</header>
<nav aria-label="Contents"><ul>${links.join("")}</ul></nav>
<main>
${bodies.join("\n")}
</main>
<footer>Made by <code>tributary benchmark</code>, ${escaped(when)}. The same figures for machines: report.json.</footer>
</div>
</body>
</html>
`;
}

function blockOf(block: Block, drawn: Drawn): string {
  switch (block.kind) {
    case "text":
      return `<p>${escaped(block.text)}</p>`;
    case "list":
      return `<ul>${block.items.map((item) => `<li>${escaped(item)}</li>`).join("")}</ul>`;
    case "table":
      return tableOf(block);
    case "figure": {
      const figure = drawn[block.name];
      const picture = (kind: "wide" | "narrow") =>
        `<div class="${kind}" role="img" aria-label="${escaped(block.caption)}">${figure?.[kind]}</div>`;
      return figure
        ? `<figure>${picture("wide")}${picture("narrow")}<figcaption>${escaped(block.caption)}</figcaption></figure>`
        : "";
    }
  }
}

/** A cell of more words than this may break. */
const LONG = 24;

function tableOf({ caption, head, rows, words }: Table): string {
  const classOf = (column: number, text = "") => {
    const names = [
      ...(column === 0 || words.includes(column) ? ["word"] : []),
      ...(text.length > LONG ? ["long"] : []),
    ];
    return names.length > 0 ? ` class="${names.join(" ")}"` : "";
  };
  const top = head.map((title, k) => `<th scope="col"${classOf(k)}>${escaped(title)}</th>`).join("");
  const body = rows
    .map((cells) => `<tr>${cells.map((each, k) => cellOf(each, k, classOf(k, each.text))).join("")}</tr>`)
    .join("\n");
  // Focusable, so that it scrolls by the keyboard too.
  return `<div class="table" role="region" aria-label="${escaped(caption)}" tabindex="0">
<table><caption>${escaped(caption)}</caption><thead><tr>${top}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}

function cellOf({ text, isStrong }: Cell, column: number, attributes: string): string {
  const inner = isStrong ? `<strong>${escaped(text)}</strong>` : escaped(text);
  return column === 0 ? `<th scope="row"${attributes}>${inner}</th>` : `<td${attributes}>${inner}</td>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character]!);
