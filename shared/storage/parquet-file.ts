// A Parquet file of any writer, read a slice at a time, so that memory is bounded whatever the size of the file and its
// row groups. parquet.ts holds the files of our own tables.
import { openAsBlob } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { type Field, type RecordBatch, tableFromIPC } from "apache-arrow";
import { ParquetFile } from "parquet-wasm";
import { factsOf } from "../disk/opening.ts";
import { AppError } from "../errors/errors.ts";

export interface ParquetRows {
  readonly fields: readonly Field[];
  readonly rows: number;
  /** Bytes in the file, and when it was changed. */
  readonly size: number;
  readonly mtimeMs: number;
  /** The named columns from row `from` on, in order. Row groups before it are not read. Throws FILE_UNREADABLE. */
  batches(names: readonly string[], from: number): AsyncIterable<RecordBatch>;
}

const MAGIC = "PAR1";
/** Rows decoded at once: some 10 MB of strings. */
const SLICE = 1 << 17;

/**
 * By its content; one that is only named so is to be refused as what it was meant to be. Throws FILE_MISSING,
 * FILE_UNREADABLE.
 */
export async function isParquet(path: string): Promise<boolean> {
  return (await factsOf(path)).beginning.equals(Buffer.from(MAGIC)) || path.endsWith(".parquet");
}

/** Throws FILE_MISSING, FILE_UNREADABLE. */
export async function openParquet(path: string): Promise<ParquetRows> {
  const { size, mtimeMs } = await factsOf(path);
  const unreadable = (what: string) => (cause: unknown) => {
    throw new AppError("FILE_UNREADABLE", { what, path }, { cause });
  };
  const blob = await openAsBlob(path);
  const file = await hearingPanics(() => ParquetFile.fromFile(blob)).catch(
    unreadable("no Parquet file, or a damaged one"),
  );
  const { schema } = tableFromIPC(file.schema().intoIPCStream());
  const rows = file.metadata().fileMetadata().numRows();

  async function* batches(names: readonly string[], from: number): AsyncIterable<RecordBatch> {
    for (let offset = from; offset < rows; offset += SLICE) {
      const read = () => file.read({ columns: [...names], offset, limit: SLICE, batchSize: SLICE });
      const table = await hearingPanics(read).catch(
        unreadable(`rows after ${offset} are damaged, or the file was changed`),
      );
      yield* tableFromIPC(table.intoIPCStream()).batches;
    }
  }

  return { fields: schema.fields, rows, size, mtimeMs, batches };
}

/**
 * Where a page is damaged, arrow-rs's asynchronous reader panics outside of every promise: only the process hears of
 * it.
 */
async function hearingPanics<T>(work: () => Promise<T>): Promise<T> {
  if (!isMainThread) return work(); // a thread ends of it, which whoever has opened it hears
  try {
    return await new Promise<T>((resolve, reject) => {
      process.setUncaughtExceptionCaptureCallback((error) => {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
        reject(error);
      });
      work().then(resolve, reject);
    });
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
}
