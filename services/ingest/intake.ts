// From fetched messages to committed tables: takes in, seals, writes, one thing at a time. The table says where reading
// starts; the group never does.
import { AppError } from "../../shared/errors/errors.ts";
import { OTHER_FIELDS } from "../../shared/events/event.ts";
import type { MessageReader } from "../../shared/events/shape/mapped.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { tryAgain } from "../../shared/runtime/patience.ts";
import { oneAtATime } from "../../shared/runtime/turns.ts";
import { isCompactionDue } from "../../shared/table/compaction-plan.ts";
import { sourceOf } from "../../shared/table/epochs.ts";
import { startOf, whyAnew } from "../../shared/table/progress.ts";
import { MOST_FIELDS, offsetsIn, RowBuffer } from "./buffer.ts";
import type { InWork } from "./in-work.ts";
import type { News } from "./news.ts";
import { type Asked, type Cause, type Limits, seal } from "./sealer.ts";
import type { Seen } from "./seen.ts";
import { createSuspects, type Suspect } from "./suspects.ts";
import { openTaking, type Refused } from "./taking.ts";
import { LONG_LOG, warnings } from "./warnings.ts";
import type { Encoded, Writer } from "./writer.ts";

export interface IntakeSettings {
  readonly topic: string;
  readonly limits: Limits;
  /** Whether a message that is no event ends everything; otherwise it is a dead letter. */
  readonly stopOnBadEvent: boolean;
  /** Whether offsets that Kafka deleted before they were read end everything; otherwise they are booked as lost. */
  readonly stopOnLost: boolean;
  /** Whether a topic that was made anew ends everything; otherwise its next epoch begins in the tables. */
  readonly stopOnNewTopic: boolean;
  /** What the topic holds now; null where Kafka does not answer. */
  look(): Promise<Seen | null>;
  /** Between two tries while the disk refuses. */
  readonly retryMs: number;
  /** By the topic's map; undefined: events are of our own shape. */
  readonly reader?: MessageReader | undefined;
  /** Reading stops here, by partition; null: it never ends. */
  readonly ends: ReadonlyMap<number, number> | null;
  /** Outlives us: what was at work when the process died. */
  readonly inWork: InWork;
  /** Called when the table has moved on without us, or work on messages failed: read again from where the table is. */
  reassign(): void;
  /** After each commit, by partition. */
  committed(next: ReadonlyMap<number, number>): void;
  tell(news: News): void;
}

export interface Intake {
  /**
   * The partitions are ours now, under this generation: what was fetched under another is stale. Answers the offset to
   * start each at. Throws OFFSETS_LOST.
   */
  assigned(partitions: readonly number[], generation: number, seen: Seen): Promise<ReadonlyMap<number, number>>;
  /** Throws BAD_EVENT, or OFFSETS_LOST, when asked to stop at one: what stood before it is committed. */
  fetched(batch: Fetched): Promise<void>;
  /** Partitions may go to others: what is held is written while it is surely ours. */
  rebalancing(): Promise<void>;
  /** The topic may not hold any more what comes next: writes what is held, and reads on from where the table is. */
  recheck(): Promise<void>;
  /** To be called a few times a second: writes what has waited long enough. */
  tick(): Promise<void>;
  /** Writes what is left. Gives up with the disk's error after `patienceMs`: Kafka still holds what was not written. */
  drain(patienceMs: number): Promise<void>;
  /** Every end that was asked for is in the table. */
  readonly ended: Promise<void>;
}

/** Between two questions whether the topic is still the same. */
const CONFIRM_MS = 1000;

type Work = readonly [partition: number, unit: Suspect];

/**
 * A refusal of the operating system, or one of ours. Anything else may be a message's fault, what Node says of a value
 * included (ERR_OUT_OF_RANGE).
 */
function isRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof AppError || (typeof code === "string" && !code.startsWith("ERR_"));
}

export function createIntake(settings: IntakeSettings, writer: Writer, log: Log): Intake {
  const { topic, limits, ends, tell, inWork } = settings;
  let suspects = createSuspects();
  const positions = new Map<number, number>();
  const buffer = new RowBuffer();
  let generation = -1;
  let toldOfFields = false;
  let toldOfLog = false;
  let giveUpAt = Number.POSITIVE_INFINITY;
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const taking = openTaking(buffer, settings.stopOnBadEvent, settings.reader);
  /** Of the topic that is read; null where Kafka does not tell. */
  let topicId: string | null = null;
  let confirming = 0;
  const inTurn = oneAtATime();

  const isOver = () => performance.now() > giveUpAt;
  const waits = (what: string) => (refusal: AppError, first: boolean) => {
    if (first) log.error({ code: refusal.code }, `${what}: ${refusal.facts.what}. Nothing is lost; trying again`);
    tell({ type: "stalled", reason: `${what}: ${refusal.facts.what}` });
  };
  /** Reads what others have committed, once the disk lets it. */
  const looked = <T>(work: () => Promise<T>) =>
    tryAgain(work, { retryMs: settings.retryMs, refused: waits("cannot read the tables"), isOver });

  const table = () => {
    const { version, files, rows, watermark, logFiles } = writer.table;
    if (logFiles > LONG_LOG && !toldOfLog) {
      toldOfLog = true;
      log.warn({ logFiles }, warnings.longLog);
    }
    return { version, files: files.length, rows, watermark, logFiles, compactionDue: isCompactionDue(files) };
  };

  /** Offsets whose messages are held. */
  const held = () => [...buffer.tallies.values()].reduce((sum, tally) => sum + offsetsIn(tally) - tally.lost, 0);

  function drop(fenced: boolean): void {
    const offsets = held();
    buffer.clear();
    positions.clear();
    generation = -1;
    tell({ type: "dropped", offsets, fenced });
  }

  async function assigned(
    partitions: readonly number[],
    mine: number,
    seen: Seen,
  ): Promise<ReadonlyMap<number, number>> {
    drop(false);
    const committed = await progressIn(seen);
    const { bounds } = seen;
    for (const partition of partitions) {
      const { begin, end } = bounds.find((each) => each.partition === partition) ?? { begin: 0, end: 0 };
      const start = startOf(committed.get(partition), { begin, end });
      // it is the same topic, and its end is gone
      if ("anew" in start) throw new AppError("OFFSETS_LOST", { what: start.anew, topic, partition });
      if (start.lostFrom !== undefined) lose(partition, start.lostFrom, start.offset);
      positions.set(partition, start.offset);
      if (writer.condemned(partition) === start.offset) suspects.condemned(partition, start.offset);
      for (const left of inWork.left(partition)) {
        if (left.last >= start.offset) blame(partition, left, "a process before this one died");
      }
    }
    generation = mine;
    tell({
      type: "assigned",
      epoch: sourceOf(writer.source).epoch,
      positions: new Map(positions),
      committed,
      table: table(),
    });
    log.info({ topic, partitions, from: Object.fromEntries(positions) }, "partitions assigned");
    await endIfDone();
    return new Map(positions);
  }

  /**
   * How far the tables are in the topic that is there now, whose next epoch begins where it was made anew. Throws
   * OFFSETS_LOST.
   */
  async function progressIn({ id, bounds }: Seen): Promise<ReadonlyMap<number, number>> {
    for (;;) {
      const committed = await looked(() => writer.refresh());
      const anew = whyAnew({ id, bounds }, { id: writer.id, committed });
      if (anew !== undefined && settings.stopOnNewTopic) throw new AppError("OFFSETS_LOST", { what: anew, topic });
      try {
        if (anew !== undefined) {
          await written(() => writer.begin(id));
          suspects = createSuspects();
          log.warn({ topic, source: writer.source }, `${anew}; its next epoch begins, ${writer.source}`);
          continue;
        }
        if (id !== null && writer.id === null) {
          if (committed.size === 0) writer.expect(id);
          else await written(() => writer.adopt(id));
        }
        topicId = id;
        buffer.source = writer.source;
        return committed;
      } catch (error) {
        if (!(error instanceof AppError && error.code === "WRITER_FENCED")) throw error; // another process was faster
      }
    }
  }

  const written = (work: () => Promise<void>) =>
    tryAgain(work, { retryMs: settings.retryMs, refused: waits("cannot write"), isOver });

  /**
   * Whether what is held is of the topic that the tables know. Asked after it was fetched: a topic that was made anew
   * answers at its offsets as if nothing had happened.
   */
  async function verdict(): Promise<"same" | "other" | "unknown"> {
    if (topicId === null) return "same";
    for (;;) {
      const seen = await settings.look();
      if (seen !== null) return isSame(seen) ? "same" : "other";
      if (giveUpAt !== Number.POSITIVE_INFINITY) return "unknown"; // no time to wait for Kafka
      await sleep(settings.retryMs);
    }
  }

  const isSame = ({ id, isAbsent }: Seen) => isAbsent || topicId === null || id === null || id === topicId;

  /** Now and then, so that little is in doubt where the topic turns out to be another one. Nobody waits for it. */
  function confirm(): void {
    const now = performance.now();
    if (topicId === null || buffer.since === null || now - confirming < CONFIRM_MS) return;
    confirming = now;
    const state = buffer.state();
    void settings.look().then((seen) => {
      if (seen !== null && isSame(seen)) buffer.confirm(state);
    });
  }

  /** What nobody can vouch for is read again. */
  function cutToConfirmed(): void {
    const before = held();
    buffer.cutToConfirmed();
    tell({ type: "dropped", offsets: before - held(), fenced: false });
  }

  async function fetched(batch: Fetched): Promise<void> {
    const { partition } = batch;
    const from = positions.get(partition);
    if (from === undefined || batch.generation !== generation) return; // taken from us
    const end = ends?.get(partition) ?? (ends === null ? Number.POSITIVE_INFINITY : 0);
    if (batch.next <= from || from >= end) return endIfDone();
    if (batch.asked > from) await leap(batch, from, end);
    if (batch.generation !== generation) return;
    const stop = Math.min(batch.next, end);
    for (let next = positions.get(partition)!; next < stop; next = positions.get(partition)!) {
      const { to, isAlone, failures } = suspects.unitAt(partition, next);
      if (isAlone) await writeIfSealed("suspect");
      if (batch.generation !== generation) return; // dropped meanwhile, to be read again
      if (!(await takeUnit(batch, Math.min(to, stop), failures))) return;
      await writeIfSealed(isAlone ? "suspect" : null);
      if (batch.generation !== generation) return;
    }
    await endIfDone();
  }

  /**
   * Kafka was asked for what lies behind our position: because it no longer has that, or because it never had messages
   * there, which it alone knows.
   */
  async function leap(batch: Fetched, from: number, end: number): Promise<void> {
    const { partition, asked } = batch;
    const begin = (await settings.look())?.bounds.find((each) => each.partition === partition)?.begin;
    if (begin === undefined) {
      await writeIfSealed("rebalance");
      drop(false); // nobody can tell: it is read again when Kafka answers
      return settings.reassign();
    }
    const to = Math.min(begin, asked, end);
    if (to <= from) return;
    if (settings.stopOnLost) await writeIfSealed("end");
    lose(partition, from, to);
    positions.set(partition, to);
  }

  /** The messages of these offsets were deleted before they were read. Throws OFFSETS_LOST. */
  function lose(partition: number, from: number, to: number): void {
    const what =
      `${to - from} messages were deleted before they were read: the table ends at ${from - 1}, the topic begins at ` +
      `${to}`;
    if (settings.stopOnLost) throw new AppError("OFFSETS_LOST", { what, topic, partition });
    log.error({ topic, partition, first: from, last: to - 1, lost: to - from }, `${what}; they are booked as LOST`);
    const tally = buffer.open(partition, performance.now());
    tally.next = from;
    taking.lost(tally, partition, to);
  }

  /** Up to an offset. False when it failed, and is to be read again. Throws BAD_EVENT. */
  async function takeUnit(batch: Fetched, stop: number, failures: number): Promise<boolean> {
    const { partition } = batch;
    const from = positions.get(partition)!;
    const unit = { first: from, last: stop - 1, failures };
    const verdict = suspects.verdictOn(partition, from);
    if (verdict !== null && !(await isDone([[partition, unit]], () => writer.condemn(partition, from)))) return false;
    const tally = buffer.open(partition, performance.now());
    tally.next = from;
    inWork.begin(partition, unit);
    let refused: Refused | undefined;
    try {
      refused = taking.takeIn(batch, tally, stop, verdict);
    } catch (error) {
      failed(error, [[partition, unit]]);
      return false;
    }
    inWork.end(partition);
    const to = refused === undefined ? stop : refused.offset;
    taking.gap(tally, partition, to);
    positions.set(partition, to);
    tell({ type: "read", partition, offsets: to - from, next: to });
    if (!refused) return true;
    await writeIfSealed("end");
    const { reason, detail, offset } = refused;
    throw new AppError("BAD_EVENT", { what: `${reason}, ${detail}`, topic, partition, offset });
  }

  function blame(partition: number, unit: Suspect, why: string): void {
    const { first, last } = unit;
    suspects.failed(partition, unit);
    const verdict = suspects.verdictOn(partition, first);
    const what = verdict
      ? `offset ${first} goes to the dead letters`
      : `offsets ${first} to ${last} are read again, in smaller pieces`;
    log.warn({ partition, first, last }, `${why} at these messages: ${what}`);
  }

  /**
   * An error that messages brought about: what was held is read again from where the table is. Throws it where it is
   * not the messages' fault.
   */
  function failed(error: unknown, units: readonly Work[]): void {
    // After a panic of the WebAssembly nothing that it holds can be trusted: the process ends, and the next one finds
    // what was in work.
    if (isRefusal(error) || !(error instanceof Error) || error instanceof WebAssembly.RuntimeError) throw error;
    for (const [partition, unit] of units) {
      inWork.end(partition);
      blame(partition, unit, error.message);
    }
    if (suspects.isHopeless) throw error;
    drop(false);
    settings.reassign();
  }

  async function endIfDone(): Promise<void> {
    if (ends === null) return;
    const reached = (partition: number, end: number) =>
      end <= (positions.get(partition) ?? (writer.committed.get(partition) ?? -1) + 1);
    if (![...ends].every(([partition, end]) => reached(partition, end))) return;
    await writeIfSealed("end");
    if (buffer.since === null && generation >= 0) finish(); // below 0: what was held is to be read again
  }

  async function writeIfSealed(asked: Asked | null): Promise<void> {
    const cause = seal(buffer, asked, limits, performance.now());
    if (cause === null) return;
    const units = [...buffer.tallies].map(([partition, tally]) => {
      const { next } = tally;
      const first = next - offsetsIn(tally);
      return [partition, { first, last: next - 1, failures: suspects.unitAt(partition, first).failures }] as const;
    });
    await isDone(units, () => attempt(units, cause));
  }

  /** Work on the tables, tried until the disk lets it. False when what is held must be read again. */
  async function isDone(units: readonly Work[], work: () => Promise<void>): Promise<boolean> {
    try {
      await tryAgain(work, { retryMs: settings.retryMs, refused: waits("cannot write"), isOver });
      return true;
    } catch (error) {
      if (!isRefusal(error)) failed(error, units);
      else if (!(error instanceof AppError && error.code === "WRITER_FENCED")) throw error;
      else {
        log.warn({ dropped: buffer.messages }, `${error.message}: reading again from where the table is`);
        drop(true);
        settings.reassign();
      }
      return false;
    }
  }

  /**
   * In work while it is encoded. Whoever dies while the disk writes did not die of a message, and most of those who are
   * killed die there.
   */
  async function attempt(units: readonly Work[], cause: Cause): Promise<void> {
    const startedAt = performance.now();
    const asked = verdict(); // answered while we encode
    const encoded = await encode(units);
    const found = await asked;
    if (found === "same") await write(encoded, cause, startedAt);
    else {
      cutToConfirmed();
      if (buffer.since !== null) await write(await encode([]), cause, startedAt);
    }
    if (found === "other") {
      drop(false);
      settings.reassign();
    } else for (const [partition, { last }] of units) suspects.passed(partition, last + 1);
  }

  async function encode(units: readonly Work[]): Promise<Encoded> {
    await writer.settle(buffer);
    for (const [partition, unit] of units) inWork.begin(partition, unit);
    const encoded = writer.encode(buffer);
    for (const [partition] of units) inWork.end(partition);
    return encoded;
  }

  async function write(encoded: Encoded, cause: Cause, startedAt: number): Promise<void> {
    const file = await writer.write(encoded);
    const next = new Map([...buffer.tallies].map(([partition, tally]) => [partition, tally.next]));
    tell({
      type: "wrote",
      cause,
      seconds: (performance.now() - startedAt) / 1000,
      brought: [...buffer.tallies].map(([partition, tally]) => ({ partition, ...tally })),
      dead: buffer.deadCounts(),
      unknownFields: new Map(buffer.unknownFields),
      file: file ? { rows: file.rows, bytes: file.size } : null,
      marks: [...buffer.marks],
      table: table(),
    });
    if (buffer.unknownFields.has(OTHER_FIELDS) && !toldOfFields) {
      toldOfFields = true;
      log.warn({ kinds: MOST_FIELDS }, warnings.manyFields);
    }
    log.debug({ cause, messages: buffer.messages, version: writer.table.version }, "committed");
    buffer.clear();
    settings.committed(next);
  }

  return {
    ended,
    assigned: (partitions, mine, seen) => inTurn(() => assigned(partitions, mine, seen)),
    fetched: (batch) => inTurn(() => fetched(batch)),
    rebalancing: () => inTurn(() => writeIfSealed("rebalance")),
    recheck: () =>
      inTurn(async () => {
        await writeIfSealed("rebalance");
        settings.reassign();
      }),
    tick: () =>
      inTurn(async () => {
        await writeIfSealed(null);
        confirm();
        if (ends !== null && [...ends.keys()].some((partition) => !positions.has(partition))) {
          await looked(() => writer.look()); // another process reads the other partitions
          await endIfDone();
        }
      }),
    drain: (patienceMs) => {
      giveUpAt = performance.now() + patienceMs;
      return inTurn(() => writeIfSealed("end"));
    },
  };
}
