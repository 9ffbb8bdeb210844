// Deletes what a table no longer needs: looks at the folder and the log, asks vacuum-plan.ts, deletes. A crash in
// between leaves less to do the next time.
import type { Along } from "../runtime/working.ts";
import type { Store } from "../storage/store.ts";
import type { DeltaTable } from "./delta.ts";
import { LOG } from "./log.ts";
import { checkpointPath, decodeCheckpoint, LAST_CHECKPOINT } from "./log-checkpoint.ts";
import {
  checkpointsIn,
  newestCommit,
  oldestToKeep,
  planVacuum,
  type TableFolder,
  type VacuumPlan,
} from "./vacuum-plan.ts";

/** `clock` in ms since 1970. Returns what was deleted, or with `dryRun` would be, by the names of the tables. */
export async function vacuum(
  tables: Readonly<Record<string, DeltaTable>>,
  { retentionMs, clock, dryRun }: { retentionMs: number; clock: number; dryRun: boolean },
  along: Along = () => {},
): Promise<Record<string, VacuumPlan>> {
  const folders = new Map<string, Omit<TableFolder, "base">>();
  for (const [name, table] of Object.entries(tables)) folders.set(name, await look(table));
  const newest = Math.max(...[...folders.values()].map(({ log }) => newestCommit(log)));
  // with a retention of 0 nothing is too young, whatever the clocks say
  const times =
    retentionMs === 0
      ? { now: Number.POSITIVE_INFINITY, clock: Number.POSITIVE_INFINITY }
      : { now: Math.min(clock, newest), clock };
  const plans: Record<string, VacuumPlan> = {};
  for (const [name, folder] of folders) {
    const { store } = tables[name]!;
    const base = await baseFor(store, checkpointsIn(folder.log), oldestToKeep(folder.log, times.now - retentionMs));
    const plan = planVacuum({ ...folder, base }, times, retentionMs);
    const paths = [...plan.removed, ...plan.orphans, ...plan.entries];
    for (const [done, path] of dryRun ? [] : paths.entries()) {
      await store.remove(path);
      along(done / paths.length);
    }
    plans[name] = plan;
  }
  return plans;
}

/** In this order: a file that is committed between the looks at the folder and at the log is live by the second. */
async function look(table: DeltaTable): Promise<Omit<TableFolder, "base">> {
  const { store } = table;
  const [data, log] = [await store.leftovers("."), await store.leftovers(LOG)];
  await table.refresh();
  const live = new Set(table.files.map(({ path }) => path));
  return { data, log, live, removed: table.removed };
}

/**
 * The newest checkpoint up to version `oldest` that can be read. The one that readers are pointed to must stay, and so
 * must what follows it.
 */
async function baseFor(store: Store, checkpoints: readonly number[], oldest: number): Promise<number> {
  const most = Math.min(oldest, await readPointer(store));
  for (const version of checkpoints.filter((version) => version <= most).reverse()) {
    try {
      decodeCheckpoint(await store.read(checkpointPath(version)), version);
      return version;
    } catch {
      // verify tells; the entries that it stands for stay
    }
  }
  return -1;
}

async function readPointer(store: Store): Promise<number> {
  try {
    const text = new TextDecoder().decode(await store.read(LAST_CHECKPOINT));
    return (JSON.parse(text) as { version: number }).version;
  } catch {
    return Number.POSITIVE_INFINITY; // readers list the log then
  }
}
