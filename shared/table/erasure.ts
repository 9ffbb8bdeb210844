// Takes a user's rows out of the tables, and what letter-erasure.ts finds of the dead letters. What was taken is on
// record as filtered before it goes, so that every offset stays accounted for.
import { AppError } from "../errors/errors.ts";
import { rowsAt } from "../events/arrange.ts";
import type { EventBatch } from "../events/batch.ts";
import { bucketOf } from "../events/hash.ts";
import { stringsOf } from "../events/text.ts";
import type { Along } from "../runtime/working.ts";
import { excludes } from "../storage/statistics.ts";
import type { DeltaTable } from "./delta.ts";
import { readEvents, writeEvents } from "./events.ts";
import { type FilteredRange, readFiltered, writeFiltered } from "./filtered.ts";
import type { DataFile, Txn } from "./log.ts";
import { nameOf, type Place } from "./place.ts";
import { erasedRowsId, moreRowsOf } from "./progress.ts";
import type { Tables } from "./tables.ts";

export interface Erased {
  /** Rows, or letters, that are gone. */
  readonly erased: number;
  /** Files that held them. */
  readonly files: number;
}

interface Rewritten {
  readonly file: DataFile;
  readonly gone: readonly Place[];
  /** What stays, written anew; undefined where nothing does. */
  readonly rest: DataFile | undefined;
}

/** Undefined where a file holds nothing of the user. */
export type Rewrite = (file: DataFile) => Promise<Omit<Rewritten, "file"> | undefined>;

/** Those of the places at which nothing is left in these files. */
type Emptied = (gone: readonly Place[], files: readonly DataFile[]) => Promise<readonly Place[]>;

/** How often another process may rewrite a file under our hands. */
const TRIES = 5;

/** The rows that the table holds when it begins; those that come meanwhile stay. Throws TABLE_CHANGED. */
export async function eraseRows(tables: Tables, user: string, along?: Along): Promise<Erased> {
  const { events } = tables;
  const rewrite: Rewrite = async (file) => {
    if (excludes(file.stats, "bucket", bucketOf(user)) || excludes(file.stats, "user", user)) return undefined;
    const batch = await readEvents(events.store, file);
    const word = stringsOf(batch.user.words).indexOf(user);
    const [own, others] = word < 0 ? [[], []] : parted(batch, word);
    if (own.length === 0) return undefined;
    const placeOf = placesIn(events, batch);
    const gone = own.map(placeOf);
    return {
      gone,
      rest: others.length === 0 ? undefined : await writeEvents(events.store, rowsAt(batch, Uint32Array.from(others))),
    };
  };
  return erase(tables, events, rewrite, { emptied: (gone, files) => withoutRows(events, gone, files), along });
}

/** Where a map makes several rows of a message, others of it may be of other users, and lie in other files by now. */
async function withoutRows(
  events: DeltaTable,
  gone: readonly Place[],
  files: readonly DataFile[],
): Promise<readonly Place[]> {
  const { store, offsets } = events;
  if (!gone.some(({ topic, partition }) => moreRowsOf(offsets, topic, partition) > 0)) return gone;
  const left = new Map(gone.map((place) => [nameOf(place), place]));
  for (const file of files) {
    const placeOf = placesIn(events, await readEvents(store, file));
    for (let k = 0; k < file.rows; k++) left.delete(nameOf(placeOf(k)));
  }
  return [...left.values()];
}

function placesIn({ topicOfBefore }: DeltaTable, { source, partition, offset }: EventBatch): (row: number) => Place {
  const sources = stringsOf(source.words);
  return (k) => ({
    topic: sources[source.numbers[k]!] || topicOfBefore,
    partition: partition[k]!,
    offset: offset[k]!,
  });
}

/** Rows of the user, and all others. */
function parted({ length, user: { numbers } }: EventBatch, word: number): [number[], number[]] {
  const [own, others]: [number[], number[]] = [[], []];
  for (let k = 0; k < length; k++) (numbers[k] === word ? own : others).push(k);
  return [own, others];
}

/** One commit for all files; from the beginning where another process has rewritten one of them. */
export async function erase(
  { filtered }: Tables,
  table: DeltaTable,
  rewrite: Rewrite,
  { emptied = async (gone) => gone, along }: { readonly emptied?: Emptied; readonly along?: Along | undefined },
): Promise<Erased> {
  for (let tries = 1; ; tries++) {
    await table.refresh();
    const { version } = table;
    try {
      const rewritten: Rewritten[] = [];
      for (const [k, file] of table.files.entries()) {
        along?.(k / table.files.length);
        const done = await rewrite(file);
        if (done) rewritten.push({ file, ...done });
      }
      const gone = rewritten.flatMap((each) => each.gone);
      if (gone.length === 0) return { erased: 0, files: 0 };
      const remove = rewritten.map(({ file }) => file);
      const add = rewritten.flatMap(({ rest }) => rest ?? []);
      const kept = table.files.filter((file) => !remove.includes(file));
      const empty = distinct(await emptied(gone, [...kept, ...add]));
      await record(filtered, empty);
      await table.commit({ remove, add, txn: moreRowsGone(table.offsets, gone, empty), operation: "DELETE" });
      return { erased: gone.length, files: rewritten.length };
    } catch (error) {
      // TABLE_CHANGED where a file was rewritten, TABLE_CORRUPT where it was vacuumed since
      if (!(error instanceof AppError) || tries === TRIES) throw error;
      await table.refresh();
      if (table.version === version) throw error;
    }
  }
}

const distinct = (places: readonly Place[]): Place[] => [
  ...new Map(places.map((place) => [nameOf(place), place])).values(),
];

/** Of rows beyond one a message, how many are gone with this, so that the sum stays right. */
function moreRowsGone(offsets: ReadonlyMap<string, number>, gone: readonly Place[], empty: readonly Place[]): Txn[] {
  const more = new Map<string, number>();
  const add = ({ topic, partition }: Place, count: number) => {
    const id = erasedRowsId(topic, partition);
    more.set(id, (more.get(id) ?? 0) + count);
  };
  for (const place of gone) add(place, 1);
  for (const place of empty) add(place, -1);
  return [...more].flatMap(([appId, count]) =>
    count > 0 ? [{ appId, version: Math.max(0, offsets.get(appId) ?? 0) + count }] : [],
  );
}

/** Puts on record what is not yet: an erasure that was cut off, or that starts over, has done so before. */
async function record(filtered: DeltaTable, gone: readonly Place[]): Promise<void> {
  await filtered.refresh();
  const recorded = new Map<string, FilteredRange[]>();
  for (const file of filtered.files) {
    for (const range of await readFiltered(filtered.store, file)) {
      const key = `${range.topic}/${range.partition}`;
      if (range.reason === "ERASED") recorded.set(key, [...(recorded.get(key) ?? []), range]);
    }
  }
  const isKnown = ({ topic, partition, offset }: Place) =>
    recorded.get(`${topic}/${partition}`)?.some(({ first, last }) => first <= offset && offset <= last) ?? false;
  const ranges = rangesOf(gone.filter((place) => !isKnown(place)));
  if (ranges.length > 0) await filtered.commit({ add: [await writeFiltered(filtered.store, ranges)] });
}

/** Runs of offsets, one after the other, of each partition. */
function rangesOf(places: readonly Place[]): FilteredRange[] {
  const sorted = [...places].sort(
    (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition || a.offset - b.offset,
  );
  const ranges: (FilteredRange & { last: number })[] = [];
  for (const { topic, partition, offset } of sorted) {
    const newest = ranges.at(-1);
    const follows = newest?.topic === topic && newest.partition === partition && offset <= newest.last + 1;
    if (follows) newest.last = offset;
    else ranges.push({ topic, partition, first: offset, last: offset, reason: "ERASED" });
  }
  return ranges;
}
