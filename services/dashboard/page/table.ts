// A table of the page: made once with its head, then rows are matched by their id and only texts change. Sortable, and
// scrolled sideways by the keyboard where it is too wide.
import { find, make, write, writeWithCode } from "./elements.ts";
import { heading } from "./figures.ts";
import { makeSortable } from "./sortable.ts";

export interface Column {
  readonly title: string;
  readonly kind?: "figure" | "text" | "long" | "controls";
}

/** Text, what it is sorted by where that is another thing, and a word below it. */
export type Cell =
  | string
  | { readonly text: string; readonly sort?: number | string | null; readonly note?: string }
  | Node;

export interface TableRow {
  readonly id: string;
  readonly state?: string;
  /** The first one names the row. */
  readonly cells: readonly Cell[];
}

interface Settings {
  readonly host: string;
  readonly label: string;
  readonly columns: readonly Column[];
  /** What stands where rows would; commands in backticks. */
  readonly empty: string;
}

export function makeTable({ host, label, columns, empty }: Settings): (rows: readonly TableRow[]) => void {
  const heads = columns.map(({ title, kind = "text" }) => {
    const head = make("th", kind, title);
    head.scope = "col";
    return head;
  });
  const none = make("td", "none");
  none.colSpan = columns.length;
  writeWithCode(none, empty);
  const body = make("tbody", "");
  const table = make("table", "sortable", make("thead", "", make("tr", "", ...heads)), body);
  const card = make("section", "card scroll", table);
  card.tabIndex = 0;
  card.setAttribute("aria-label", label);
  find(host).append(card);
  const sort = makeSortable(table);
  const shown = new Map<string, HTMLTableRowElement>();
  const nothing = make("tr", "", none);

  return (rows) => {
    for (const [id, row] of shown) {
      if (rows.some((each) => each.id === id)) continue;
      row.remove();
      shown.delete(id);
    }
    if (rows.length === 0) body.replaceChildren(nothing);
    else nothing.remove();
    rows.forEach(({ id, state = "", cells }) => {
      const row = shown.get(id) ?? rowOf(id);
      row.dataset.state = state;
      cells.forEach((cell, k) => {
        fill(row.cells[k]!, cell);
      });
    });
    const isSorted = heads.some((head) => head.hasAttribute("aria-sort"));
    if (isSorted) sort();
    else if (rows.some(({ id }, k) => body.rows[k] !== shown.get(id)))
      body.append(...rows.map(({ id }) => shown.get(id)!));
  };

  function rowOf(id: string): HTMLTableRowElement {
    const row = make("tr", "", ...columns.map(({ kind = "text" }, k) => (k === 0 ? heading() : make("td", kind))));
    shown.set(id, row);
    body.append(row);
    return row;
  }
}

function fill(cell: HTMLTableCellElement, content: Cell): void {
  if (content instanceof Node) {
    if (cell.firstChild !== content) cell.replaceChildren(content);
    return;
  }
  const { text, sort, note = "" } = typeof content === "string" ? { text: content } : content;
  if (sort !== undefined) cell.dataset.sort = sort === null ? "" : String(sort);
  if (cell.childElementCount !== 2) cell.replaceChildren(make("span", "value"), make("span", "note"));
  if (cell.classList.contains("long")) writeWithCode(cell.children[0] as HTMLElement, text);
  else write(cell.children[0] as HTMLElement, text);
  writeWithCode(cell.children[1] as HTMLElement, note);
}
