// Flags that name an items table.
import { z } from "zod";
import { file } from "../../runtime/location.ts";
import type { ItemsFile } from "./reading.ts";

export const itemsFlags = {
  itemsTable: file()
    .optional()
    .describe("CSV or Parquet file of items and their attributes, by which requests filter; serve reads it anew"),
  itemsColumn: z.string().min(1).optional().describe("its column of items (default: by its name, else the first)"),
  itemsSeparator: z
    .string()
    .min(1)
    .optional()
    .describe("what stands between several values of a cell of text in it, such as |"),
};

interface Given {
  readonly itemsTable?: string | undefined;
  readonly itemsColumn?: string | undefined;
  readonly itemsSeparator?: string | undefined;
}

/** Undefined where none is named. */
export const itemsFileOf = ({ itemsTable, itemsColumn, itemsSeparator }: Given): ItemsFile | undefined =>
  itemsTable === undefined ? undefined : { path: itemsTable, column: itemsColumn, separator: itemsSeparator };
