// Data files of a table: rows to a durable file ready to be committed, and a file of the log back to its rows.
import { randomUUID } from "node:crypto";
import { AppError } from "../errors/errors.ts";
import { decodeParquet, type EncodedFile } from "../storage/parquet.ts";
import type { Columns, TableSchema } from "../storage/schema.ts";
import type { Store } from "../storage/store.ts";
import { sha256Of } from "./hashes.ts";
import type { DataFile } from "./log.ts";

/** Writes a file that nobody reads until it is committed. A crash in between leaves it as an orphan. */
export async function writeFile(store: Store, { bytes, rows, stats }: EncodedFile): Promise<DataFile> {
  const path = `part-${randomUUID()}.zstd.parquet`;
  await store.put(path, bytes);
  return { path, size: bytes.length, rows, modificationTime: Date.now(), stats, sha256: sha256Of(bytes) };
}

/** Throws TABLE_CORRUPT when the file is missing, is no Parquet file, or differs from the log in size, hash or rows. */
export async function readFile(store: Store, schema: TableSchema, file: DataFile): Promise<Columns> {
  const corrupt = (what: string, cause?: unknown) =>
    new AppError("TABLE_CORRUPT", { what, file: `${store.name}/${file.path}` }, { cause });
  const bytes = await store.read(file.path).catch((error: unknown) => {
    throw error instanceof AppError && error.code === "FILE_MISSING" ? corrupt("a data file is missing", error) : error;
  });
  if (bytes.length !== file.size) throw corrupt(`the file has ${bytes.length} bytes, the log says ${file.size}`);
  if (file.sha256 !== undefined && sha256Of(bytes) !== file.sha256)
    throw corrupt("the file's bytes are not those that were committed");
  const decoded = decode(schema, bytes, corrupt);
  if (decoded.rows !== file.rows) throw corrupt(`the file has ${decoded.rows} rows, the log says ${file.rows}`);
  return decoded.columns;
}

function decode(schema: TableSchema, bytes: Uint8Array, corrupt: (what: string, cause: unknown) => AppError) {
  try {
    return decodeParquet(schema, bytes);
  } catch (error) {
    throw corrupt(`the Parquet file cannot be read (${error instanceof Error ? error.message : error})`, error);
  }
}
