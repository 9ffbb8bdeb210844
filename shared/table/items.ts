// The table of items: the append-only vocabulary, column by column. The parameter server alone writes it.
import { AppError } from "../errors/errors.ts";
import { rowsOf, type Text, textOf } from "../events/text.ts";
import { within } from "../runtime/location.ts";
import { openStore } from "../storage/open-store.ts";
import { encodeParquet } from "../storage/parquet.ts";
import type { TableSchema } from "../storage/schema.ts";
import { type DeltaTable, openTable } from "./delta.ts";
import { readFile, writeFile } from "./files.ts";

export const itemsSchema = [
  { name: "item", type: "string", about: "as in the events" },
  {
    name: "column",
    type: "integer",
    about: "its column in the model, from 0, in order of first appearance; never changed",
  },
] as const satisfies TableSchema;

/** The txn that fences a second parameter server; its version is the number of items. */
const appId = "vocabulary";

/** Version -1 where nothing was committed yet. */
export const openItems = (tableDir: string): Promise<DeltaTable> =>
  openTable(openStore(within(tableDir, "items")), itemsSchema);

/**
 * Item of each column; empty where there is no table yet. Throws TABLE_CORRUPT when a column stands twice or is
 * missing.
 */
export async function readItems(tableDir: string): Promise<string[]> {
  const { store, files, rows } = await openItems(tableDir);
  const items = new Array<string | undefined>(rows).fill(undefined);
  for (const file of files) {
    const { item, column } = await readFile(store, itemsSchema, file);
    const names = rowsOf(item as Text, file.rows);
    for (let k = 0; k < file.rows; k++) {
      const at = (column as Int32Array)[k]!;
      if (at < 0 || at >= rows || items[at] !== undefined) {
        throw new AppError("TABLE_CORRUPT", {
          what: `column ${at} of ${rows} items is out of place`,
          file: `${store.name}/${file.path}`,
        });
      }
      items[at] = names[k]!;
    }
  }
  return items as string[];
}

/**
 * Items of the columns firstColumn, firstColumn + 1, ... Throws WRITER_FENCED when the table does not end at
 * firstColumn - 1.
 */
export async function appendItems(tableDir: string, items: readonly string[], firstColumn: number): Promise<void> {
  if (items.length === 0) return;
  const table = await openItems(tableDir);
  // Committed by a try that was told otherwise: the disk refused something after it.
  if (table.offsets.get(appId) === firstColumn + items.length && isAt(await readItems(tableDir), items, firstColumn))
    return;
  const column = Int32Array.from(items, (_, k) => firstColumn + k);
  const file = await writeFile(table.store, encodeParquet(itemsSchema, { item: textOf(items), column }, items.length));
  await table.commit({
    add: [file],
    txn: [{ appId, version: firstColumn + items.length, after: firstColumn === 0 ? -1 : firstColumn }],
  });
}

const isAt = (all: readonly string[], items: readonly string[], firstColumn: number): boolean =>
  items.every((item, k) => all[firstColumn + k] === item);
