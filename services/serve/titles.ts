// Names for people: item -> title from a CSV file whose first column is the item, for example movies.csv of MovieLens.
import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { AppError } from "../../shared/runtime/errors.ts";

/** The column `title` (or `name`), else the second. Throws FILE_MISSING or CSV_MALFORMED. */
export async function readTitles(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new AppError("FILE_MISSING", { what: "no such file of titles", path }, { cause: error });
    throw error;
  });
  let rows: string[][];
  try {
    rows = parse(text, { bom: true, relax_column_count: true, skip_empty_lines: true }) as string[][];
  } catch (error) {
    throw new AppError("CSV_MALFORMED", { what: (error as Error).message, path }, { cause: error });
  }
  const [header = [], ...body] = rows;
  if (header.length < 2)
    throw new AppError("CSV_MALFORMED", { what: "a file of titles has a column of items and a column of titles", path });
  const found = header.findIndex((name) => /^(title|name)$/i.test(name.trim()));
  const column = found > 0 ? found : 1;
  return new Map(body.map((row) => [row[0] ?? "", row[column] ?? ""]));
}
