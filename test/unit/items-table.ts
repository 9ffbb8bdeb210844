// Items tables and vectors made by hand, for tests of lists.
import type { ItemVectors, Making } from "../../shared/ranking/vectors.ts";
import { textColumn, typedColumn } from "../../shared/recommending/items/building.ts";
import { keyOf } from "../../shared/recommending/items/columns.ts";
import { type ItemsTable, indexOf, tableOf } from "../../shared/recommending/items/table.ts";

/** Columns by name; of each row the item. */
export function itemsTable(columns: Record<string, readonly unknown[]>, items: readonly string[]): ItemsTable {
  const keys = Float64Array.from(items, keyOf);
  const made = Object.entries(columns).map(([name, cells]) => {
    if (typeof cells[0] === "number") {
      const column = typedColumn(name, "number", false);
      for (const cell of cells) column.add([cell as number]);
      return column.column();
    }
    const column = textColumn(name, null, "|");
    for (const cell of cells) column.add(String(cell ?? ""));
    return column.column();
  });
  const skipped = { count: 0, first: null };
  const facts = { itemColumn: "item", rows: keys.length, first: items, skipped, remarks: [] };
  return tableOf({ ...facts, keys, index: indexOf(keys), columns: made });
}

export function made(making: Making): ItemVectors {
  for (;;) {
    const { done, value } = making.next();
    if (done) return value;
  }
}
