// A sealed buffer into the tables. Dead letters and gaps first, each under progress of their own: a crash between two
// commits neither loses nor doubles any, since whoever comes next makes the same of each message. Two exceptions: a
// condemned message might have been a row for another, and that it is none stands in the log of the events before
// anything else; and Kafka may have deleted a message since, which leaves a gap in which something stands on record.
import type { EncodedFile } from "../../shared/storage/parquet.ts";
import { encodeDeadLetters } from "../../shared/table/dead-letters.ts";
import type { DeltaTable, TxnDraft } from "../../shared/table/delta.ts";
import { epochId, identityId, identityOf, newestSource, sourceName, sourceOf } from "../../shared/table/epochs.ts";
import { encodeEvents } from "../../shared/table/events.ts";
import { writeFile } from "../../shared/table/files.ts";
import { encodeFiltered, type FilteredRange } from "../../shared/table/filtered.ts";
import type { DataFile, Txn } from "../../shared/table/log.ts";
import { onRecord, without } from "../../shared/table/on-record.ts";
import { amendedId, condemnedId, lastOffsets, moreRowsId, progressId } from "../../shared/table/progress.ts";
import type { Tables } from "../../shared/table/tables.ts";
import type { RowBuffer, Tally } from "./buffer.ts";

/** What one table gets of a buffer. */
interface Part {
  readonly file: EncodedFile | undefined;
  /** Where its txns are then, by appId. */
  readonly to: ReadonlyMap<string, number>;
  /** Txns that must still be where we last saw them. */
  readonly unmoved?: readonly string[];
  readonly newestArrival?: number;
  readonly marks?: readonly number[];
}

/** A buffer as files in memory, but for what of it is in the tables already. */
export interface Encoded {
  readonly dead: Part | undefined;
  readonly filtered: Part | undefined;
  readonly events: Part;
}

export interface Writer {
  readonly table: Pick<DeltaTable, "version" | "files" | "rows" | "watermark" | "logFiles">;
  /** The topic and its epoch, as the tables call it: as of the last `refresh`. */
  readonly source: string;
  /** Which of Kafka's topics it is; null where that is not on record. */
  readonly id: string | null;
  /** Puts on record which topic it is. Throws WRITER_FENCED. */
  adopt(id: string): Promise<void>;
  /** The same, with the next commit. */
  expect(id: string): void;
  /** The topic was made anew: its next epoch begins. Throws WRITER_FENCED where another was faster. */
  begin(id: string | null): Promise<void>;
  /** Last offset in the table, by partition of the topic. */
  readonly committed: ReadonlyMap<number, number>;
  /** The last message that was condemned in a partition: its offset, -1 where none was. */
  condemned(partition: number): number;
  /** Reads what others have committed, and takes the tables' progress as where our next write goes on. */
  refresh(): Promise<ReadonlyMap<number, number>>;
  /** Reads what others have committed; our next write still goes on from where ours was. */
  look(): Promise<void>;
  /**
   * The message with which our next write goes on is a dead letter from now on, whoever writes it. Throws
   * WRITER_FENCED, with nothing done.
   */
  condemn(partition: number, offset: number): Promise<void>;
  /** Cuts out of the gaps what a writer that died between two commits has put on record there. */
  settle(buffer: RowBuffer): Promise<void>;
  /** Touches no disk: what it dies of are the messages. */
  encode(buffer: RowBuffer): Encoded;
  /**
   * All of it or, thrown WRITER_FENCED, nothing more of it. After any other error the same buffer may be encoded and
   * tried again. Answers the file of events, if there is one.
   */
  write(encoded: Encoded): Promise<DataFile | undefined>;
}

export function createWriter(tables: Tables, topic: string): Writer {
  const events = ledger(tables.events);
  const dead = ledger(tables.deadLetters);
  const filtered = ledger(tables.filtered);
  // Not as the table says at any moment: another process may begin an epoch while we hold what is of the one before.
  let source = newestSource(tables.events.offsets, topic);
  /** To be put on record. */
  let expected: string | null = null;
  const progress = (partition: number) => progressId(source, partition);
  const condemned = (partition: number) => condemnedId(source, partition);
  const committed = () => lastOffsets(tables.events.offsets, source);
  const identity = () => identityOf(tables.events.offsets, source);
  const identityTxn = (of: string, id: string | null) => (id === null ? [] : ([[identityId(of, id), 1]] as const));

  /** How far the partition is, and how many rows beyond one a message it has. */
  function progressOf(partition: number, { next, moreRows }: Tally): [string, number][] {
    const id = moreRowsId(source, partition);
    return [
      [progress(partition), next - 1],
      ...(moreRows > 0 ? [[id, Math.max(0, events.at(id)) + moreRows] satisfies [string, number]] : []),
    ];
  }

  function encodeDead({ dead: letters, tallies }: RowBuffer): Part | undefined {
    // a condemned one may lie among messages that another has judged before, and so needs a txn of its own
    const idOf = ({ partition, reason }: RowBuffer["dead"][number]) =>
      reason === "POISON" ? condemned(partition) : progress(partition);
    const fresh = letters.filter((letter) => letter.offset > dead.at(idOf(letter)));
    if (fresh.length === 0) return undefined;
    return {
      file: encodeDeadLetters(fresh),
      to: new Map(
        fresh.map((letter) => [
          idOf(letter),
          letter.reason === "POISON" ? letter.offset : tallies.get(letter.partition)!.next - 1,
        ]),
      ),
      newestArrival: fresh.reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0),
    };
  }

  /** Before this offset something may stand on record already. */
  const recordedTo = (partition: number) =>
    1 + Math.max(filtered.at(progress(partition)), dead.at(progress(partition)), dead.at(condemned(partition)));

  async function settle({ gaps }: RowBuffer): Promise<void> {
    const settled: FilteredRange[] = [];
    for (const gap of gaps) {
      const range = { from: gap.first, to: gap.last };
      const taken = gap.first < recordedTo(gap.partition) ? await onRecord(tables, gap, range) : [];
      settled.push(...without(range, taken).map(({ from, to }) => ({ ...gap, first: from, last: to })));
    }
    gaps.splice(0, gaps.length, ...settled);
  }

  function encodeGaps({ gaps, tallies }: RowBuffer): Part | undefined {
    if (gaps.length === 0) return undefined;
    const to = new Map<string, number>();
    for (const { partition } of gaps) {
      const [id, last] = [progress(partition), tallies.get(partition)!.next - 1];
      const amended = amendedId(source, partition);
      // a gap that another has not seen: it stood further, and the commit must tell it that we were here
      if (last > filtered.at(id)) to.set(id, last);
      else to.set(amended, filtered.at(amended) + 1);
    }
    return { file: encodeFiltered(gaps), to };
  }

  return {
    table: tables.events,
    get source() {
      return source;
    },
    get id() {
      return identity();
    },
    adopt: async (id) => {
      await events.commit({ file: undefined, to: new Map(identityTxn(source, id)) });
    },
    expect: (id) => {
      expected = id;
    },
    begin: async (id) => {
      const epoch = sourceOf(source).epoch + 1;
      const next = sourceName({ topic, epoch });
      const to = new Map([[epochId(topic), epoch] as const, ...identityTxn(next, id)]);
      await events.commit({ file: undefined, to });
      source = next;
    },
    get committed() {
      return committed();
    },
    condemned: (partition) => events.at(condemned(partition)),
    look: async () => {
      await Promise.all([events, dead, filtered].map(({ table }) => table.refresh()));
    },
    refresh: async () => {
      await Promise.all([events, dead, filtered].map((each) => each.refresh()));
      source = newestSource(tables.events.offsets, topic);
      expected = null;
      return committed();
    },
    condemn: async (partition, offset) => {
      if (events.at(condemned(partition)) === offset) return;
      const to = new Map([[condemned(partition), offset]]);
      await events.commit({ file: undefined, to, unmoved: [progress(partition)] });
    },
    settle,
    encode: (buffer) => ({
      dead: encodeDead(buffer),
      filtered: encodeGaps(buffer),
      events: {
        file: buffer.rows === 0 ? undefined : encodeEvents(buffer.batch()),
        to: new Map([
          ...[...buffer.tallies].flatMap(([partition, tally]) => progressOf(partition, tally)),
          ...(identity() === null ? identityTxn(source, expected) : []),
        ]),
        unmoved: [...buffer.tallies.keys()].map(condemned),
        newestArrival: buffer.newestArrival,
        marks: [...buffer.marks],
      },
    }),
    write: async (encoded) => {
      if (encoded.dead) await dead.commit(encoded.dead);
      if (encoded.filtered) await filtered.commit(encoded.filtered);
      return events.commit(encoded.events);
    },
  };
}

/**
 * A table and how far our own writing into it is, by txn: a commit goes from there, and is refused when another writer
 * came between.
 */
function ledger(table: DeltaTable) {
  let ours = new Map<string, number>();
  const at = (appId: string) => ours.get(appId) ?? -1;
  return {
    table,
    at,
    refresh: async () => {
      await table.refresh();
      ours = new Map(table.offsets);
    },
    commit: async ({ file, to, unmoved = [], newestArrival = 0, marks = [] }: Part): Promise<DataFile | undefined> => {
      const written = file && (await writeFile(table.store, file));
      const txn: TxnDraft[] = [...to].map(([appId, version]) => ({ appId, version, after: at(appId) }));
      const stands: Txn[] = unmoved.map((appId) => ({ appId, version: at(appId) }));
      await table.commit({ add: written ? [written] : [], txn, stands, newestArrival, marks });
      for (const [appId, version] of to) ours.set(appId, version);
      return written;
    },
  };
}
