// A process that appends to a table, for tests to start several of and to kill: `table-writer.ts DIR PARTITION LAST
// STRIDE [DIE_AT]`. DIE_AT: the number of the disk's operation before which the process kills itself, which no clean-up
// survives.
import { join } from "node:path";
import { batchOf } from "../../shared/events/batch.ts";
import { realDisk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { openTable } from "../../shared/table/delta.ts";
import { eventsSchema, writeEvents } from "../../shared/table/events.ts";

const [dir, ...numbers] = process.argv.slice(2);
const [partition, last, stride, dieAt = Number.POSITIVE_INFINITY] = numbers.map(Number) as [
  number,
  number,
  number,
  number?,
];

let operations = 0;
function mortal<T extends object>(disk: T): T {
  const wrap =
    (operation: (...given: unknown[]) => unknown) =>
    (...given: unknown[]) => {
      if (operations++ === dieAt) process.kill(process.pid, "SIGKILL");
      return operation(...given);
    };
  return Object.fromEntries(Object.entries(disk).map(([name, operation]) => [name, wrap(operation)])) as T;
}

const store = folderStore(join(dir!, "events"), mortal(realDisk));

const table = await openTable(store, eventsSchema);
const appId = `interactions/${partition}`;
for (let at = table.offsets.get(appId) ?? -1; at < last; ) {
  const rows = Array.from({ length: Math.min(stride, last - at) }, (_, k) => {
    const offset = at + 1 + k;
    return {
      user: `u${offset % 100}`,
      item: `i${offset % 17}`,
      timestamp: 1_700_000_000_000 + offset,
      value: offset % 3 ? null : 0.5,
      partition,
      offset,
    };
  });
  const add = [await writeEvents(store, batchOf(rows))];
  const to = at + rows.length;
  try {
    await table.commit({ add, txn: [{ appId, version: to, after: at }], newestArrival: 1_700_000_000_000 + to });
    at = to;
  } catch (error) {
    if (!(error as Error).message.startsWith("WRITER_FENCED")) throw error;
    await table.refresh();
    at = table.offsets.get(appId)!;
  }
}
