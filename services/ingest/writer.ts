// A sealed buffer into the tables. Dead letters and gaps first, each under progress of their own; then the events,
// whose commit says what is done. A crash in between neither loses nor doubles anything: who comes next honours what
// is on record, and makes of the other messages what it makes of them. So that nothing comes on record behind its
// back, a commit is refused where the partition's record has moved. And where processes may judge one message
// differently (by another map, by a schema registry at another moment), the first write of each claims the partition
// in all three tables, the events first: who held it before is refused in each from then on. One exception: a
// condemned message might be a row for another, and that it is none stands in the log of the events before anything
// else.
import { encodeDeadLetters } from "../../shared/table/dead-letters.ts";
import type { DeltaTable } from "../../shared/table/delta.ts";
import { epochId, identityId, identityOf, newestSource, sourceName, sourceOf } from "../../shared/table/epochs.ts";
import { encodeEvents } from "../../shared/table/events.ts";
import { encodeFiltered } from "../../shared/table/filtered.ts";
import type { DataFile } from "../../shared/table/log.ts";
import { type Recorded, recordedFrom } from "../../shared/table/on-record.ts";
import {
  amendedId,
  condemnedId,
  lastOffsets,
  messageId,
  moreRowsId,
  printId,
  progressId,
  writerId,
} from "../../shared/table/progress.ts";
import type { Tables } from "../../shared/table/tables.ts";
import type { RowBuffer, Tally } from "./buffer.ts";
import { type Ledger, openLedger, type Part } from "./ledger.ts";
import type { Printed } from "./prints.ts";

/** A buffer as files in memory, but for what of it is in the tables already. */
export interface Encoded {
  readonly partitions: readonly number[];
  readonly dead: Written | undefined;
  readonly filtered: Written | undefined;
  readonly events: Part;
}

interface Written extends Part {
  /** It is in its table. */
  done(): void;
}

interface Placed {
  readonly partition: number;
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
  /** The last message of a partition in the table, where that stands on record. */
  lastMessage(partition: number): Printed | undefined;
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
  /** What is on record of a partition beyond what is done: nobody's to judge again. */
  recorded(partition: number): Promise<readonly Recorded[]>;
  /** Touches no disk: what it dies of are the messages. */
  encode(buffer: RowBuffer): Encoded;
  /**
   * All of it or, thrown WRITER_FENCED, nothing more of it. After any other error the same buffer may be encoded and
   * tried again. Answers the file of events, if there is one.
   */
  write(encoded: Encoded): Promise<DataFile | undefined>;
}

/** `isContested`: another process may judge a message differently. */
export function createWriter(tables: Tables, topic: string, { isContested = false } = {}): Writer {
  const events = openLedger(tables.events);
  const dead = openLedger(tables.deadLetters);
  const filtered = openLedger(tables.filtered);
  // Not as the table says at any moment: another process may begin an epoch while we hold what is of the one before.
  let source = newestSource(tables.events.offsets, topic);
  /** To be put on record. */
  let expected: string | null = null;
  const progress = (partition: number) => progressId(source, partition);
  const condemned = (partition: number) => condemnedId(source, partition);
  const amended = (partition: number) => amendedId(source, partition);
  const claim = (partition: number) => writerId(source, partition);
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

  function printsOf({ tallies }: RowBuffer): Map<string, number> {
    const prints = [...tallies].flatMap(([partition, { last }]) => (last ? [{ partition, ...last }] : []));
    return new Map(
      prints.flatMap(({ partition, offset, print }) => [
        [messageId(source, partition), offset],
        [printId(source, partition), print],
      ]),
    );
  }

  /** That something of their partitions comes on record, ahead of what was there or beside it. */
  function recordOf(ledger: Ledger, { tallies }: RowBuffer, fresh: readonly Placed[]): Map<string, number> {
    return new Map(
      fresh.map(({ partition }) => {
        const last = tallies.get(partition)!.next - 1;
        const beside = amended(partition);
        return last > ledger.at(progress(partition)) ? [progress(partition), last] : [beside, ledger.at(beside) + 1];
      }),
    );
  }

  function encodeDead(buffer: RowBuffer): Written | undefined {
    const { dead: letters, written } = buffer;
    const fresh = letters.slice(written.dead);
    if (fresh.length === 0) return undefined;
    return {
      file: encodeDeadLetters(fresh),
      to: recordOf(dead, buffer, fresh),
      newestArrival: fresh.reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0),
      done: () => {
        written.dead = letters.length;
      },
    };
  }

  function encodeGaps(buffer: RowBuffer): Written | undefined {
    const { gaps, written } = buffer;
    const fresh = gaps.slice(written.gaps);
    if (fresh.length === 0) return undefined;
    return {
      file: encodeFiltered(fresh),
      to: recordOf(filtered, buffer, fresh),
      done: () => {
        written.gaps = gaps.length;
      },
    };
  }

  /** Nothing of the partition was put on record there since we looked. */
  const recordOfAll = (partitions: readonly number[]) =>
    partitions.flatMap((each) => [progress(each), amended(each), condemned(each)]);

  /**
   * In all three before anything is written into one, the events first: whoever had it before may claim and write into
   * the others until we do. Where the events were lost meanwhile, all of it is claimed again.
   */
  async function claimAll(partitions: readonly number[]): Promise<void> {
    const claims = partitions.map(claim);
    for (const ledger of [dead, filtered]) ledger.disclaim(events.others(claims));
    for (const ledger of [events, dead, filtered]) await ledger.claim(claims, recordOfAll(partitions));
  }

  async function record(ledger: Ledger, part: Written | undefined, unmoved: readonly string[]): Promise<void> {
    if (!part) return;
    await ledger.commit({ ...part, unmoved });
    part.done();
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
      await events.commit({ to: new Map(identityTxn(source, id)) });
    },
    expect: (id) => {
      expected = id;
    },
    begin: async (id) => {
      const epoch = sourceOf(source).epoch + 1;
      const next = sourceName({ topic, epoch });
      const to = new Map([[epochId(topic), epoch] as const, ...identityTxn(next, id)]);
      await events.commit({ to });
      source = next;
    },
    get committed() {
      return committed();
    },
    condemned: (partition) => events.at(condemned(partition)),
    lastMessage: (partition) => {
      const offset = events.at(messageId(source, partition));
      return offset < 0 ? undefined : { offset, print: events.at(printId(source, partition)) };
    },
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
      await events.commit({ to, unmoved: [progress(partition)] });
    },
    recorded: async (partition) => {
      const from = 1 + events.at(progress(partition));
      const ids = [progress(partition), condemned(partition)];
      const last = Math.max(...ids.map((id) => dead.at(id)), filtered.at(progress(partition)));
      return last < from ? [] : recordedFrom(tables, { topic: source, partition }, from);
    },
    encode: (buffer) => ({
      partitions: [...buffer.tallies.keys()],
      dead: encodeDead(buffer),
      filtered: encodeGaps(buffer),
      events: {
        file: buffer.rows === 0 ? undefined : encodeEvents(buffer.batch()),
        to: new Map([
          ...[...buffer.tallies].flatMap(([partition, tally]) => progressOf(partition, tally)),
          ...(identity() === null ? identityTxn(source, expected) : []),
        ]),
        says: printsOf(buffer),
        newestArrival: buffer.newestArrival,
        marks: [...buffer.marks],
      },
    }),
    write: async ({ partitions, dead: letters, filtered: gaps, events: rows }) => {
      const claims = partitions.map(claim); // one that nobody has stays so
      if (isContested || claims.some((each) => events.at(each) >= 0)) await claimAll(partitions);
      const unmoved = [...recordOfAll(partitions), ...claims];
      await record(dead, letters, unmoved);
      await record(filtered, gaps, unmoved);
      return events.commit({ ...rows, unmoved: [...partitions.map(condemned), ...claims] });
    },
  };
}
