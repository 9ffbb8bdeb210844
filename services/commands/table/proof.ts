// Proves from the files alone that a table holds every offset of every partition once, up to where its log says it
// stands: read = messages in rows + dead letters + filtered.
import { AppError } from "../../../shared/errors/errors.ts";
import { stringsOf } from "../../../shared/events/text.ts";
import type { Along } from "../../../shared/runtime/working.ts";
import { Coverage, type Range } from "../../../shared/table/coverage.ts";
import { openDeadLetters, readDeadLetters } from "../../../shared/table/dead-letters.ts";
import { sourceOf } from "../../../shared/table/epochs.ts";
import { openExistingEvents, readEvents } from "../../../shared/table/events.ts";
import { openFiltered, readFiltered } from "../../../shared/table/filtered.ts";
import { openItems, readItems } from "../../../shared/table/items.ts";
import { moreRowsOf, progressId, reachedIn } from "../../../shared/table/progress.ts";
import { checkpointProblems } from "./log-proof.ts";

interface PartitionReport {
  readonly topic: string;
  /** 0 is the first topic of its name, 1 the one that was made anew after it. */
  readonly epoch: number;
  readonly partition: number;
  /** null when nothing of the partition was found. */
  readonly first: number | null;
  /** The last offset that the log says is done; null when the log says nothing of the partition. */
  readonly last: number | null;
  readonly rows: number;
  /** Offsets that are rows: as many, unless a map makes several rows of a message. */
  readonly messages: number;
  readonly dead: number;
  /** Offsets without a message, left out by the topic's map, or erased. */
  readonly filtered: number;
  /** Those of them that the map left out. */
  readonly leftOut: number;
  /** Offsets that Kafka deleted before they were read, and that ingest was told to leave behind. */
  readonly lost: number;
  /** messages + dead + filtered. */
  readonly read: number;
  readonly missing: number;
  readonly duplicated: number;
}

export interface Report {
  readonly ok: boolean;
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  readonly items: number;
  /**
   * Data files without a hash in the log, of all tables: a flipped bit in them is not seen. Of other writers, or of
   * ours of before there were any.
   */
  readonly unprotected: number;
  readonly partitions: readonly PartitionReport[];
  readonly problems: readonly string[];
}

interface Found {
  /** Topic and epoch, see epochs.ts. */
  readonly source: string;
  readonly partition: number;
  /** Of rows, dead letters and filtered offsets. */
  readonly coverage: Coverage;
  rows: number;
  messages: number;
  dead: number;
  filtered: number;
  lost: number;
  leftOut: number;
  /** Offsets that are on record as erased and still stand in a table. */
  unfinished: number;
}

type Of = (source: string, partition: number) => Found;

/** What the log says of the partitions. */
interface Progress {
  readonly sources: ReadonlySet<string>;
  /** Last offset that is done; -1 for none. */
  doneOf(source: string, partition: number): number;
}

/** Problems of one kind that are listed one by one. */
const listed = 5;

/**
 * Throws TABLE_MISSING, and TABLE_CORRUPT when the log itself cannot be read. What is wrong with the rows is told in
 * `problems`.
 */
export async function prove(tableDir: string, deadLettersDir: string, along: Along = () => {}): Promise<Report> {
  const table = await openExistingEvents(tableDir);
  const reached = reachedIn(table.offsets);
  const progress: Progress = {
    sources: new Set(reached.map(({ source }) => source)),
    doneOf: (source, partition) => table.offsets.get(progressId(source, partition)) ?? -1,
  };
  const problems: string[] = [];
  const found = new Map<string, Found>();
  const of: Of = (source, partition) => {
    const name = progressId(source, partition);
    const entry = found.get(name) ?? {
      ...{ source, partition, coverage: new Coverage() },
      ...{ rows: 0, messages: 0, dead: 0, filtered: 0, leftOut: 0, lost: 0, unfinished: 0 },
    };
    found.set(name, entry);
    return entry;
  };
  for (const { source, partition } of reached) of(source, partition);

  for (const [done, file] of table.files.entries()) {
    along(done / table.files.length);
    await noting(problems, async () => {
      const { partition, offset, source } = await readEvents(table.store, file);
      const bySource = stringsOf(source.words).map((name) => ({
        name: name === "" ? table.topicOfBefore : name,
        partitions: new Map<number, Found>(),
      }));
      for (let k = 0; k < file.rows; k++) {
        const { name, partitions } = bySource[source.numbers[k]!]!;
        const here = partitions.get(partition[k]!) ?? of(name, partition[k]!);
        partitions.set(partition[k]!, here);
        if (here.coverage.add(offset[k]!)) here.messages++;
        here.rows++;
      }
    });
  }
  const deadLetters = await openDeadLetters(deadLettersDir);
  await noting(problems, () => addDeadLetters(deadLetters, progress, of));
  const filtered = await openFiltered(tableDir);
  await noting(problems, () => addFiltered(filtered, progress, of));
  const itemsTable = await openItems(tableDir);
  const all = [table, deadLetters, filtered, itemsTable];
  for (const { store } of all)
    await noting(problems, async () => void problems.push(...(await checkpointProblems(store))));
  const unprotected = all.flatMap(({ files }) => files).filter(({ sha256 }) => sha256 === undefined).length;
  let items = 0;
  await noting(problems, async () => {
    items = (await readItems(tableDir)).length;
  });

  const several = new Set([...found.values()].map(({ source }) => source)).size > 1;
  const partitions = [...found.values()]
    .map((each) => {
      const { source, partition } = each;
      const name = several ? `${source}, partition ${partition}` : `partition ${partition}`;
      const last = table.offsets.get(progressId(source, partition));
      return {
        ...sourceOf(source),
        ...judge(name, each, last, moreRowsOf(table.offsets, source, partition), problems),
      };
    })
    .sort((a, b) => compare(a.topic, b.topic) || a.epoch - b.epoch || a.partition - b.partition);
  const { version, files, rows } = table;
  return { ok: problems.length === 0, version, files: files.length, rows, items, unprotected, partitions, problems };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** A file that cannot be read is a problem to report; reading goes on. */
async function noting(problems: string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    problems.push(error.message);
  }
}

type Opened = Awaited<ReturnType<typeof openFiltered>>;

/**
 * Dead letters are written before the events of the same messages are committed: those beyond the log's offset are not
 * yet due.
 */
async function addDeadLetters({ store, files }: Opened, { sources, doneOf }: Progress, of: Of): Promise<void> {
  for (const file of files) {
    for (const { topic, partition, offset } of await readDeadLetters(store, file)) {
      if (!sources.has(topic) || offset > doneOf(topic, partition)) continue;
      const here = of(topic, partition);
      here.coverage.add(offset);
      here.dead++;
    }
  }
}

/** So are filtered offsets. An erased one may be on record twice, by an erasure that started over; it counts once. */
async function addFiltered({ store, files }: Opened, { sources, doneOf }: Progress, of: Of): Promise<void> {
  const erased = new Map<Found, Coverage>();
  for (const file of files) {
    for (const { topic, partition, first, last, reason } of await readFiltered(store, file)) {
      if (!sources.has(topic)) continue;
      const here = of(topic, partition);
      const before = erased.get(here) ?? new Coverage();
      if (reason === "ERASED") erased.set(here, before);
      for (let offset = first; offset <= Math.min(last, doneOf(topic, partition)); offset++) {
        if (reason === "ERASED" && !before.add(offset)) continue;
        if (reason === "ERASED" && here.coverage.has(offset)) here.unfinished++;
        else {
          here.coverage.add(offset);
          if (reason === "LOST") here.lost++;
          else here.filtered++;
          if (reason === "LEFT_OUT") here.leftOut++;
        }
      }
    }
  }
}

/** `moreRows`: how many rows the log says there are beyond one a message. */
function judge(
  name: string,
  found: Found,
  last: number | undefined,
  moreRows: number,
  problems: string[],
): Omit<PartitionReport, "topic" | "epoch"> {
  const { partition, coverage, rows, messages, dead, filtered, leftOut, lost, unfinished } = found;
  const duplicated = Math.max(0, coverage.repeated - moreRows);
  const lacking = messages + moreRows - rows;
  if (duplicated > 0) problems.push(`${name}: ${duplicated} offsets stand twice`);
  if (lacking > 0) problems.push(`${name}: ${lacking} rows are missing of messages that are several rows`);
  if (unfinished > 0)
    problems.push(
      `${name}: an erasure was not completed, ${unfinished} of its offsets still stand there: run \`tributary ` +
        `forget\` again`,
    );
  if (last === undefined) problems.push(`${name}: has rows, but the log has no txn of it`);
  else if (coverage.last > last) problems.push(`${name}: has offset ${coverage.last}, but the log stands at ${last}`);
  const holes: Range[] = [];
  let missing = 0;
  if (coverage.seen > 0) {
    for (const hole of coverage.holes(Math.max(last ?? -1, coverage.last))) {
      missing += hole.to - hole.from + 1;
      if (holes.length < listed) holes.push(hole);
    }
  } else if (last !== undefined && last >= 0)
    problems.push(`${name}: the log stands at ${last}, but no row or dead letter was found`);
  if (missing > 0) {
    const where = holes.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(", ");
    problems.push(`${name}: ${missing} offsets are missing, the first at ${where}`);
  }
  const first = coverage.seen > 0 ? coverage.first : null;
  return {
    partition,
    first,
    last: last ?? null,
    rows,
    messages,
    dead,
    filtered,
    leftOut,
    lost,
    read: messages + dead + filtered,
    missing,
    duplicated,
  };
}
