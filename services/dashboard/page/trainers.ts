// The table of trainers and the line above it: who computes, how fast, and what the time goes into. Rows are made once,
// then only their texts change.

import type { Training } from "../../../shared/health/facts/training.ts";
import { activities } from "../../../shared/health/facts/training.ts";
import { entriesOf, noTrainer, rowOf, type TrainerRow } from "../../../shared/health/views/trainers.ts";
import { find, make, write, writeWithCode } from "./elements.ts";
import { showFacts } from "./facts.ts";
import { heading, symbols } from "./figures.ts";
import { makeSortable } from "./sortable.ts";

/** What changes of a row. */
interface Row {
  readonly root: HTMLTableRowElement;
  readonly texts: Record<"name" | "engine" | "symbol" | "word" | "partTime" | "parts" | "late" | "seen", HTMLElement>;
  readonly slow: HTMLElement;
  readonly split: HTMLElement;
  /** A segment of the bar and a text for each activity. */
  readonly times: readonly { readonly segment: HTMLElement; readonly text: HTMLElement }[];
}
const shown = new Map<string, Row>();
const sort = makeSortable(find("trainers").closest("table")!, (title) => title !== "Time of a part goes into");

export function showTrainers(training: Training | null, at: number): void {
  showRun(training);
  const rows = (training?.trainers ?? []).map((trainer) => rowOf(trainer, at));
  find("no-trainer").hidden = rows.length > 0;
  writeWithCode(find("no-trainer-text"), noTrainer(training));
  for (const [id, { root }] of shown) {
    if (rows.some((row) => row.id === id)) continue;
    root.remove();
    shown.delete(id);
  }
  for (const row of rows) showRow(row);
  for (const { id, name, partMs, lastSeenAt } of training?.trainers ?? []) {
    const cells = shown.get(id ?? name ?? "")?.root.cells;
    cells?.[0]?.setAttribute("data-sort", name ?? "");
    cells?.[2]?.setAttribute("data-sort", String(partMs ?? ""));
    cells?.[6]?.setAttribute("data-sort", lastSeenAt === null ? "" : String(at - lastSeenAt));
  }
  sort();
}

function showRun(training: Training | null): void {
  showFacts(find("training-facts"), training ? entriesOf(training) : []);
}

function showRow(row: TrainerRow): void {
  const { root, texts, slow, split, times } = shown.get(row.id) ?? makeRow(row.id);
  root.dataset.state = row.state;
  const { name, engine, word, partTime, parts, late, seen } = row;
  const all = { name, engine, symbol: symbols[row.state], word, partTime, parts, late, seen };
  for (const [key, text] of Object.entries(all)) write(texts[key as keyof typeof texts], text);
  slow.hidden = !row.isSlow;
  split.hidden = row.split.length === 0;
  row.split.forEach(({ activity, share, time }, k) => {
    times[k]!.segment.style.flexGrow = share.toFixed(4);
    write(times[k]!.text, `${activity} ${time}`);
  });
}

function makeRow(id: string): Row {
  const span = (className: string, ...children: (Node | string)[]) => make("span", className, ...children);
  const texts = {
    name: span("name"),
    engine: span("engine"),
    symbol: hidden(span("symbol")),
    word: span("text"),
    partTime: span("time"),
    parts: span(""),
    late: span(""),
    seen: span(""),
  };
  const slow = span("slow", hidden(span("", "!")), " slow");
  const times = activities.map((activity) => ({
    segment: coloured(span("segment"), activity),
    text: coloured(make("li", ""), activity),
  }));
  const bar = hidden(span("segments", ...times.map(({ segment }) => segment)));
  const split = make("div", "split", bar, make("ul", "", ...times.map(({ text }) => text)));
  const root = make(
    "tr",
    "",
    heading(texts.name, texts.engine),
    make("td", "condition", texts.symbol, texts.word),
    labelled("Part takes", texts.partTime, slow),
    make("td", "spent", split),
    labelled("Parts", texts.parts),
    labelled("Late / duplicate", texts.late),
    labelled("Last seen", texts.seen),
  );
  const row = { root, texts, slow, split, times };
  shown.set(id, row);
  find("trainers").append(root);
  return row;
}

/** A figure that says what it is where a telephone has no room for the table's head. */
function labelled(label: string, ...children: Node[]): HTMLTableCellElement {
  const cell = make("td", "figure", ...children);
  cell.dataset.label = label;
  return cell;
}

function hidden(element: HTMLElement): HTMLElement {
  element.setAttribute("aria-hidden", "true");
  return element;
}

function coloured(element: HTMLElement, activity: string): HTMLElement {
  element.dataset.activity = activity;
  return element;
}
