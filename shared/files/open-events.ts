// A file of events by its path, of whatever kind it is.
import { isParquet } from "../storage/parquet-file.ts";
import { isStandardInput, openBytes } from "./bytes.ts";
import { type EventFile, type EventFormat, textEvents } from "./event-file.ts";
import { parquetEvents } from "./parquet-events.ts";

/** Throws FILE_MISSING, FILE_UNREADABLE, CSV_MALFORMED, PARQUET_MALFORMED, USAGE. */
export async function openEventFile(path: string, format: EventFormat): Promise<EventFile> {
  if (!isStandardInput(path) && (await isParquet(path))) return await parquetEvents(path, format);
  return textEvents(await openBytes(path, format.member), format);
}
