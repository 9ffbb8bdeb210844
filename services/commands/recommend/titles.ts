// Names for people: item -> title from a file of text, for example movies.csv of MovieLens.
import { AppError } from "../../../shared/errors/errors.ts";
import { looksLikeValues } from "../../../shared/files/dialect.ts";
import { recordsIn } from "../../../shared/files/row-batch.ts";
import { openText, type TextFile, type TextFormat } from "../../../shared/files/text-file.ts";

/**
 * Items stand in the first column whose name ends in "id" or is "item", else in the first; titles in `title` or `name`,
 * else in the column after. Throws FILE_MISSING, FILE_UNREADABLE, CSV_MALFORMED.
 */
export async function readTitles(path: string, format: TextFormat = {}): Promise<Map<string, string>> {
  const file = await opened(path, format);
  const { header } = file;
  if (header.length < 2)
    throw new AppError("CSV_MALFORMED", {
      what: "a file of titles has a column of items and a column of titles",
      path,
    });
  const columnOf = (pattern: RegExp) => header.findIndex((name) => pattern.test(name.trim()));
  const item = Math.max(0, columnOf(/^item$|id$/i));
  const named = columnOf(/^(title|name)$/i);
  const title = named < 0 ? item + 1 : named;
  const refuse = (line: number, problem: string) => {
    throw new AppError("CSV_MALFORMED", { what: `a file of titles: ${problem}`, line, path });
  };
  const titles = new Map<string, string>();
  for await (const batch of file.batches([item, title], refuse)) {
    const { lines, isSuspect } = batch;
    recordsIn(batch).forEach((record, k) => {
      const pair = [record[item] ?? "", record[title] ?? ""] as const;
      if (isSuspect && pair.join().includes("\ufffd"))
        refuse(lines[k]!, `${JSON.stringify(pair[1])} is no UTF-8; --titles-encoding says what it is`);
      titles.set(...pair);
    });
  }
  file.close();
  return titles;
}

/** A file without a header line, such as MovieLens' movies.dat, begins with a title that is none to be lost. */
async function opened(path: string, format: TextFormat): Promise<TextFile> {
  const file = await openText(path, format);
  if (file.isPipe || format.header !== undefined || !looksLikeValues(file.header.slice(0, 1))) return file;
  file.close();
  return await openText(path, { ...format, header: file.header.map((_, k) => ["item", "title"][k] ?? "") });
}
