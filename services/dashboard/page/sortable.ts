// Makes a table's columns sortable: a button in each header, aria-sort on the one that is sorted by, rows moved only
// when their order changes. The order given is that of before a click.

type Value = string | number;
const words = new Intl.Collator("en", { numeric: true });

/**
 * A cell's `data-sort` stands for its text. `columns` are those that can be sorted by; the function returned sorts
 * again, after rows have changed.
 */
export function makeSortable(table: HTMLTableElement, columns: (title: string) => boolean = () => true): () => void {
  const heads = [...table.tHead!.rows[0]!.cells];
  const body = table.tBodies[0]!;
  let by: { column: number; descending: boolean } | null = null;
  const sort = () => {
    if (!by) return;
    const { column, descending } = by;
    const rows = [...body.rows].filter((row) => row.cells.length === heads.length);
    const sorted = rows
      .map((row, place) => ({ row, place, value: sortedBy(row.cells[column]!) }))
      .sort((a, b) => compared(a.value, b.value, descending) || a.place - b.place);
    if (sorted.some(({ row }, k) => row !== rows[k])) body.append(...sorted.map(({ row }) => row));
  };
  heads.forEach((head, column) => {
    const title = head.textContent ?? "";
    if (title === "" || !columns(title)) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = title;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      // Figures are asked for their greatest first.
      const descending = by?.column === column ? !by.descending : head.classList.contains("figure");
      by = { column, descending };
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort();
    });
  });
  return sort;
}

function sortedBy({ dataset, textContent }: HTMLTableCellElement): Value | null {
  const text = dataset.sort ?? textContent ?? "";
  if (text === "" || text === "–") return null;
  const figure = Number(text.replaceAll(",", ""));
  return Number.isNaN(figure) ? text : figure;
}

/** What is not known comes last, whichever way. */
function compared(a: Value | null, b: Value | null, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b));
  return descending ? -order : order;
}
