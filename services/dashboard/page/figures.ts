// The flow strip, the tiles and the table of processes: made once, then only their texts change.
import type { Figure } from "../../../shared/health/views/figures.ts";
import { duration } from "../../../shared/health/views/figures.ts";
import type { Health } from "../../../shared/health/views/health.ts";
import { find, make, write } from "./elements.ts";

/** Where each box of the flow strip leads. */
const sections: Record<string, string> = {
  events: "chart-lag",
  waiting: "section-partitions",
  files: "section-files",
  batches: "section-trainers",
  training: "chart-loss",
  checkpoint: "chart-freshness",
  quality: "chart-ndcg",
  requests: "section-processes",
};

export const symbols = { ok: "✓", amber: "!", red: "✕", off: "○" } as const;
const cells = new Map<string, Record<"root" | "value" | "unit" | "detail" | "symbol" | "word", HTMLElement>>();

export function showFigures({ boxes, tiles, services, at }: Health): void {
  for (const box of boxes) showCell(find("flow"), `box-${box.id}`, box, sections[box.id]);
  for (const tile of tiles) showCell(find("tiles"), `tile-${tile.id}`, tile);
  const shown = new Set([...boxes.map(({ id }) => `box-${id}`), ...tiles.map(({ id }) => `tile-${id}`)]);
  for (const [id, { root }] of cells) root.hidden = !shown.has(id);
  const rows = services.map(({ service, pid, url, state, answers, startedAt }) => {
    const row = make(
      "tr",
      "",
      heading(service),
      make("td", "condition", state),
      figure(duration((at - startedAt) / 1000)),
      figure(String(pid)),
    );
    row.append(make("td", "wide", make("code", "", url)));
    row.dataset.state = answers ? "ok" : state === "starting" ? "off" : "red";
    return row;
  });
  if (rows.length === 0) {
    const cell = make("td", "none", "no process has registered yet");
    cell.colSpan = 5;
    rows.push(make("tr", "", cell));
  }
  find("processes").replaceChildren(...rows);
}

const figure = (text: string) => make("td", "figure", text);
export function heading(...children: (Node | string)[]): HTMLTableCellElement {
  const cell = make("th", "", ...children);
  cell.scope = "row";
  return cell;
}

function showCell(
  list: HTMLElement,
  id: string,
  { title, value, unit, detail, state, word }: Figure,
  section?: string,
): void {
  const cell = cells.get(id) ?? makeCell(list, id, title, section);
  cell.root.dataset.state = state;
  write(cell.value, value);
  write(cell.unit, unit);
  write(cell.detail, detail);
  write(cell.symbol, symbols[state]);
  write(cell.word, word);
}

function makeCell(list: HTMLElement, id: string, title: string, section: string | undefined) {
  const [value, unit, detail, symbol, word] = ["value", "unit", "detail", "symbol", "text"].map((name) =>
    make("span", name),
  ) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  symbol.setAttribute("aria-hidden", "true");
  const content = [
    make("span", "title", title),
    make("span", "amount", value, " ", unit),
    detail,
    make("span", "state", symbol, word),
  ];
  const root = make("li", "cell");
  if (section) {
    const link = make("a", "", ...content);
    link.href = `#${section}`;
    root.append(link);
  } else root.append(...content);
  root.id = id;
  list.append(root);
  const cell = { root, value, unit, detail, symbol, word };
  cells.set(id, cell);
  return cell;
}
