// A thread that reads an items table, so that serve goes on answering while two million rows are looked at. items.ts
// opens it.
import { type PlainError, plainError } from "../../shared/errors/thread-errors.ts";
import { type ItemsFile, readItems } from "../../shared/recommending/items/reading.ts";
import type { ItemsData } from "../../shared/recommending/items/table.ts";
import { serveJobs } from "../../shared/runtime/threads.ts";

export type Read = { readonly data: ItemsData } | { readonly error: PlainError };

serveJobs(() => async (file: ItemsFile): Promise<Read> => {
  try {
    return { data: await readItems(file) };
  } catch (error) {
    return { error: plainError(error) };
  }
});
