// Names for people: item -> title from a CSV file, for example movies.csv of MovieLens.
import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { AppError } from "../../shared/runtime/errors.ts";

/** Items stand in the first column whose name ends in "id" or is "item", else in the first; titles in `title` or `name`, else in the column after. Throws FILE_MISSING or CSV_MALFORMED. */
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
  const columnOf = (pattern: RegExp) => header.findIndex((name) => pattern.test(name.trim()));
  const item = Math.max(0, columnOf(/^item$|id$/i));
  const title = columnOf(/^(title|name)$/i);
  return new Map(body.map((row) => [row[item] ?? "", row[title < 0 ? item + 1 : title] ?? ""]));
}
