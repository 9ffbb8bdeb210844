// Deletes what a table no longer needs: looks at the folder and the log, asks vacuum-plan.ts, deletes. A crash in between leaves less to do the next time.
import type { DeltaTable } from "./delta.ts";
import { LOG } from "./log.ts";
import { checkpointPath, decodeCheckpoint, LAST_CHECKPOINT } from "./log-checkpoint.ts";
import { listLog } from "./log-reader.ts";
import type { Store } from "./store.ts";
import { newestCommit, planVacuum, type TableFolder, type VacuumPlan } from "./vacuum-plan.ts";

/** `clock` in ms since 1970. Returns what was deleted, or with `dryRun` would be, by the names of the tables. */
export async function vacuum(
  tables: Readonly<Record<string, DeltaTable>>,
  { retentionMs, clock, dryRun }: { retentionMs: number; clock: number; dryRun: boolean },
): Promise<Record<string, VacuumPlan>> {
  const folders = new Map<string, TableFolder>();
  for (const [name, table] of Object.entries(tables)) folders.set(name, await look(table));
  const newest = Math.max(...[...folders.values()].map(({ log }) => newestCommit(log)));
  // with a retention of 0 nothing is too young, whatever the clocks say
  const times =
    retentionMs === 0 ? { now: Number.POSITIVE_INFINITY, clock: Number.POSITIVE_INFINITY } : { now: Math.min(clock, newest), clock };
  const plans: Record<string, VacuumPlan> = {};
  for (const [name, folder] of folders) {
    const plan = planVacuum(folder, times, retentionMs);
    if (!dryRun) for (const path of [...plan.removed, ...plan.orphans, ...plan.entries]) await tables[name]!.store.remove(path);
    plans[name] = plan;
  }
  return plans;
}

/** In this order: a file that is committed between the looks at the folder and at the log is live by the second. */
async function look(table: DeltaTable): Promise<TableFolder> {
  const { store } = table;
  const [data, log] = [await store.leftovers("."), await store.leftovers(LOG)];
  await table.refresh();
  const live = new Set(table.files.map(({ path }) => path));
  return { data, log, live, removed: new Map(table.removed), checkpoints: await usableCheckpoints(store) };
}

/** Those that can be read, up to the one that readers are pointed to: it must stay, and so must what follows it. */
async function usableCheckpoints(store: Store): Promise<number[]> {
  const { checkpoints } = await listLog(store);
  const pointedTo = await readPointer(store);
  const usable: number[] = [];
  for (const version of checkpoints.filter((version) => version <= pointedTo)) {
    try {
      decodeCheckpoint(await store.read(checkpointPath(version)), version);
      usable.push(version);
    } catch {
      // verify tells; the entries that it stands for stay
    }
  }
  return usable;
}

async function readPointer(store: Store): Promise<number> {
  try {
    const text = new TextDecoder().decode(await store.read(LAST_CHECKPOINT));
    return (JSON.parse(text) as { version: number }).version;
  } catch {
    return Number.POSITIVE_INFINITY; // readers list the log then
  }
}
