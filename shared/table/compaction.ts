// Merges small files of events into large ones in order of bucket and user. A commit a unit: readers see its files
// before or after, never both.
import { AppError } from "../errors/errors.ts";
import { gather, orderOf, rowsAt } from "../events/arrange.ts";
import type { Along } from "../runtime/working.ts";
import { cutsOf, planCompaction, TARGET_BYTES } from "./compaction-plan.ts";
import type { DeltaTable } from "./delta.ts";
import { readEvents, writeEvents } from "./events.ts";
import type { DataFile } from "./log.ts";

export interface Compacted {
  /** Merged and committed. */
  readonly units: number;
  /** Files that were merged, and those that came of them. */
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly rows: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Of the table, afterwards. */
  readonly version: number;
}

interface Wanted {
  readonly targetBytes?: number;
  /** Told of each unit that is done, and of each that another process was faster to rewrite. */
  readonly onUnit?: (unit: { readonly files: number; readonly lost: boolean }) => void;
  readonly along?: Along;
  /** Ends the work before the next unit. */
  readonly signal?: AbortSignal;
}

/**
 * Merges what is due. A unit whose files another process has rewritten meanwhile is left to the next time; rows that
 * were added meanwhile are no conflict.
 */
export async function compact(
  table: DeltaTable,
  { targetBytes = TARGET_BYTES, onUnit, along, signal }: Wanted = {},
): Promise<Compacted> {
  const [before, after]: [DataFile[], DataFile[]] = [[], []];
  let units = 0;
  const plan = planCompaction(table.files, targetBytes);
  for (const [done, unit] of plan.entries()) {
    if (signal?.aborted) break;
    along?.(done / plan.length);
    const merged = await mergeUnit(table, unit, targetBytes);
    onUnit?.({ files: unit.length, lost: merged === "lost" });
    if (merged === "lost") continue;
    units++;
    before.push(...unit);
    after.push(...merged);
  }
  const sum = (files: readonly DataFile[], of: "size" | "rows") => files.reduce((sum, file) => sum + file[of], 0);
  return {
    units,
    filesBefore: before.length,
    filesAfter: after.length,
    rows: sum(after, "rows"),
    bytesBefore: sum(before, "size"),
    bytesAfter: sum(after, "size"),
    version: table.version,
  };
}

/** "lost": another process has rewritten one of the files. What was written for nothing is an orphan then. */
async function mergeUnit(
  table: DeltaTable,
  unit: readonly DataFile[],
  targetBytes: number,
): Promise<readonly DataFile[] | "lost"> {
  const isLost = async () => {
    await table.refresh();
    const live = new Set(table.files.map(({ path }) => path));
    return unit.some(({ path }) => !live.has(path));
  };
  if (await isLost()) return "lost";
  try {
    const add = await writeMerged(table, unit, targetBytes);
    await table.commit({ remove: unit, add, operation: "OPTIMIZE" });
    return add;
  } catch (error) {
    // TABLE_CHANGED where a file was rewritten, TABLE_CORRUPT where it was vacuumed since
    if (error instanceof AppError && (await isLost())) return "lost";
    throw error;
  }
}

/** A function of its own, so that a unit's rows are no longer held when its commit is done. */
async function writeMerged(table: DeltaTable, unit: readonly DataFile[], targetBytes: number): Promise<DataFile[]> {
  const gathered = gather(unit.reduce((sum, { rows }) => sum + rows, 0));
  for (const file of unit) gathered.add(await readEvents(table.store, file));
  const batch = gathered.batch();
  const rows = orderOf(batch);
  const bytes = unit.reduce((sum, { size }) => sum + size, 0);
  const written: DataFile[] = [];
  let from = 0;
  for (const end of cutsOf(batch, rows, Math.ceil(bytes / targetBytes))) {
    written.push(await writeEvents(table.store, rowsAt(batch, rows.subarray(from, end))));
    from = end;
  }
  return written;
}
