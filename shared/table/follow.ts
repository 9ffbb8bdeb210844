// Follows the table of events: each row once, in the order of versions and of files within a version. The same rows in the same order for everybody who follows.
import type { EventBatch } from "../events/batch.ts";
import type { DeltaTable } from "./delta.ts";
import { openEvents, readEvents } from "./events.ts";

export interface CaughtUp {
  /** Newest version taken in; -1 where there is no table yet. */
  readonly version: number;
  /** Rows taken in by this call. */
  readonly rows: number;
  /** Newest arrival of an event up to that version, ms since 1970; 0 when unknown. */
  readonly watermark: number;
}

export interface Follower {
  /** Takes in what was committed since, up to `toVersion`. After an error the next call goes on where this one stopped. Throws TABLE_CORRUPT. */
  catchUp(toVersion?: number): Promise<CaughtUp>;
}

/** `histories` is whatever takes in batches: a version at a time, its files one after the other. */
export function followTable(tableDir: string, histories: { append(batch: EventBatch, version: number): void }): Follower {
  let table: DeltaTable | undefined;
  let done = -1;
  let watermark = 0;

  async function catchUp(toVersion = Number.POSITIVE_INFINITY): Promise<CaughtUp> {
    if (table) await table.refresh();
    else table = await openEvents(tableDir);
    let rows = 0;
    for (const { version, files, newestArrival } of table.addedSince(done)) {
      if (version > toVersion) break;
      // Read the whole version before any of it counts: a file that cannot be read must not leave half a version behind.
      const batches: EventBatch[] = [];
      for (const file of files) batches.push(await readEvents(table.store, file));
      for (const batch of batches) {
        histories.append(batch, version);
        rows += batch.length;
      }
      done = version;
      watermark = Math.max(watermark, newestArrival);
    }
    return { version: done, rows, watermark };
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    catchUp: (toVersion) => {
      const next = last.then(() => catchUp(toVersion));
      last = next.catch(() => undefined);
      return next;
    },
  };
}
