// From fetched messages to committed tables: parses, buffers, seals, writes, one thing at a time. The table says where reading starts; the group never does.
import { type DeadReason, deadReasons, isTimestamp, parseEvent } from "../../shared/events/event.ts";
import { newScanned, scanEvent } from "../../shared/events/scan.ts";
import type { Bounds, Fetched } from "../../shared/kafka/client.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { isCompactionDue } from "../../shared/table/compaction-plan.ts";
import type { DeadLetter } from "../../shared/table/dead-letters.ts";
import { oneAtATime } from "../../shared/runtime/turns.ts";
import { RowBuffer, type Tally } from "./buffer.ts";
import type { News } from "./news.ts";
import { type Asked, type Cause, type Limits, seal, startOf } from "./sealer.ts";
import type { Writer } from "./writer.ts";

export interface IntakeSettings {
  readonly topic: string;
  readonly limits: Limits;
  /** Whether a message that is no event ends everything; otherwise it is a dead letter. */
  readonly stopOnBadEvent: boolean;
  /** Between two tries while the disk refuses. */
  readonly retryMs: number;
  /** Reading stops here, by partition; null: it never ends. */
  readonly ends: ReadonlyMap<number, number> | null;
  /** Called when the table has moved on without us: read again from where it is. */
  reassign(): void;
  /** After each commit, by partition. */
  committed(next: ReadonlyMap<number, number>): void;
  tell(news: News): void;
}

export interface Intake {
  /** The partitions are ours now, under this generation: what was fetched under another is stale. Answers the offset to start each at. Throws OFFSETS_LOST. */
  assigned(partitions: readonly number[], generation: number, bounds: readonly Bounds[]): Promise<ReadonlyMap<number, number>>;
  /** Throws BAD_EVENT when asked to stop at one: what stood before it is committed. */
  fetched(batch: Fetched): Promise<void>;
  /** Partitions may go to others: what is held is written while it is surely ours. */
  rebalancing(): Promise<void>;
  /** To be called a few times a second: writes what has waited long enough. */
  tick(): Promise<void>;
  /** Writes what is left. Gives up with the disk's error after `patienceMs`: Kafka still holds what was not written. */
  drain(patienceMs: number): Promise<void>;
  /** Every end that was asked for is in the table. */
  readonly ended: Promise<void>;
}

/** The operating system's refusals that pass: wait, keep what we have, try again. */
const PASSING = new Set(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "EROFS"]);

export function createIntake(settings: IntakeSettings, writer: Writer, log: Log): Intake {
  const { topic, limits, ends, tell } = settings;
  const positions = new Map<number, number>();
  const buffer = new RowBuffer();
  const event = newScanned();
  let generation = -1;
  let giveUpAt = Number.POSITIVE_INFINITY;
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const inTurn = oneAtATime();

  const table = () => {
    const { version, files, rows, watermark } = writer.table;
    return { version, files: files.length, rows, watermark, compactionDue: isCompactionDue(files) };
  };

  function drop(fenced: boolean): void {
    const offsets = [...buffer.tallies.values()].reduce((sum, { good, dead, filtered }) => sum + good + dead + filtered, 0);
    buffer.clear();
    positions.clear();
    generation = -1;
    tell({ type: "dropped", offsets, fenced });
  }

  async function assigned(partitions: readonly number[], mine: number, bounds: readonly Bounds[]): Promise<ReadonlyMap<number, number>> {
    drop(false);
    const committed = await writer.refresh();
    for (const partition of partitions) {
      const start = startOf(committed.get(partition), bounds.find((each) => each.partition === partition) ?? { begin: 0, end: 0 });
      if ("lost" in start) throw new AppError("OFFSETS_LOST", { what: start.lost, topic, partition });
      positions.set(partition, start.offset);
    }
    generation = mine;
    tell({ type: "assigned", positions: new Map(positions), committed, table: table() });
    log.info({ partitions, from: Object.fromEntries(positions) }, "partitions assigned");
    await endIfDone();
    return new Map(positions);
  }

  async function fetched(batch: Fetched): Promise<void> {
    const { partition } = batch;
    const from = positions.get(partition);
    if (from === undefined || batch.generation !== generation) return; // taken from us
    const end = ends?.get(partition) ?? (ends === null ? Number.POSITIVE_INFINITY : 0);
    if (batch.next <= from || from >= end) return endIfDone();
    const tally = buffer.open(partition, performance.now());
    tally.next = from;
    const refused = takeIn(batch, tally, end);
    const to = refused === undefined ? Math.min(batch.next, end) : refused.offset;
    gap(tally, partition, to);
    positions.set(partition, to);
    tell({ type: "read", partition, offsets: to - from, next: to });
    if (refused) {
      await writeIfSealed("end");
      const { reason, offset } = refused;
      throw new AppError("BAD_EVENT", { what: `${reason}, ${deadReasons[reason]}`, topic, partition, offset });
    }
    await writeIfSealed(null);
    await endIfDone();
  }

  /** Adds what lies in tally.next <= offset < end. Answers the bad event at which it had to stop. */
  function takeIn(batch: Fetched, tally: Tally, end: number): { reason: DeadReason; offset: number } | undefined {
    const { partition } = batch;
    const { offsets, arrivedAt, lengths, values } = batch.messages;
    for (let k = 0, at = 0; k < offsets.length; at += Math.max(0, lengths[k]!), k++) {
      const offset = offsets[k]!;
      if (offset < tally.next) continue;
      if (offset >= end) break;
      const arrived = arrivedAt[k]!;
      const length = lengths[k]!;
      gap(tally, partition, offset);
      if (scanEvent(values, at, at + length, event) && (isTimestamp(event.timestamp) || isTimestamp(arrived))) {
        buffer.addScanned(values, event, arrived, partition, offset);
        buffer.mark(arrived);
        tally.good++;
      } else {
        const value = length < 0 ? null : values.subarray(at, at + length);
        const parsed = parseEvent(value, arrived);
        if (parsed.ok) {
          buffer.addEvent(parsed.event, partition, offset);
          buffer.mark(arrived);
          buffer.countUnknown(parsed.unknownFields);
          tally.good++;
        } else {
          const { reason } = parsed;
          if (settings.stopOnBadEvent) return { reason, offset };
          const kept = value && Uint8Array.from(value); // the batch's memory is not ours to keep
          buffer.addDead({ value: kept, topic, partition, offset, timestamp: arrived, reason, detail: deadReasons[reason] });
          tally.dead++;
        }
      }
      if (arrived > tally.newestArrival) tally.newestArrival = arrived;
      tally.next = offset + 1;
    }
    return undefined;
  }

  /** Offsets from where the partition is to before `next` at which Kafka has no message. */
  function gap(tally: Tally, partition: number, next: number): void {
    if (next <= tally.next) return;
    buffer.gaps.push({ topic, partition, first: tally.next, last: next - 1, reason: "NO_MESSAGE" });
    tally.filtered += next - tally.next;
    tally.next = next;
  }

  async function endIfDone(): Promise<void> {
    if (ends === null) return;
    const reached = (partition: number, end: number) => end <= (positions.get(partition) ?? (writer.committed.get(partition) ?? -1) + 1);
    if (![...ends].every(([partition, end]) => reached(partition, end))) return;
    await writeIfSealed("end");
    if (buffer.since === null) finish();
  }

  async function writeIfSealed(asked: Asked | null): Promise<void> {
    const cause = seal(buffer, asked, limits, performance.now());
    if (cause === null) return;
    for (let attempt = 0; ; attempt++) {
      try {
        await write(cause);
        return;
      } catch (error) {
        if (error instanceof AppError && error.code === "WRITER_FENCED") {
          log.warn({ dropped: buffer.messages }, `${error.message}: reading again from where the table is`);
          drop(true);
          settings.reassign();
          return;
        }
        const { code, message } = error as NodeJS.ErrnoException;
        if (!PASSING.has(code ?? "") || performance.now() > giveUpAt) throw error;
        if (attempt === 0) log.error({ code }, `cannot write: ${message}. Nothing is lost; trying again`);
        tell({ type: "stalled", reason: `cannot write: ${message}` });
        await sleep(settings.retryMs);
      }
    }
  }

  async function write(cause: Cause): Promise<void> {
    const startedAt = performance.now();
    const file = await writer.write(buffer);
    const next = new Map([...buffer.tallies].map(([partition, tally]) => [partition, tally.next]));
    tell({
      type: "wrote",
      cause,
      seconds: (performance.now() - startedAt) / 1000,
      brought: [...buffer.tallies].map(([partition, tally]) => ({ partition, ...tally })),
      dead: countsOf(buffer.dead),
      unknownFields: new Map(buffer.unknownFields),
      file: file ? { rows: file.rows, bytes: file.size } : null,
      marks: [...buffer.marks],
      table: table(),
    });
    log.debug({ cause, messages: buffer.messages, version: writer.table.version }, "committed");
    buffer.clear();
    settings.committed(next);
  }

  return {
    ended,
    assigned: (partitions, mine, bounds) => inTurn(() => assigned(partitions, mine, bounds)),
    fetched: (batch) => inTurn(() => fetched(batch)),
    rebalancing: () => inTurn(() => writeIfSealed("rebalance")),
    tick: () =>
      inTurn(async () => {
        await writeIfSealed(null);
        if (ends !== null && [...ends.keys()].some((partition) => !positions.has(partition))) {
          await writer.look(); // another process reads the other partitions
          await endIfDone();
        }
      }),
    drain: (patienceMs) => {
      giveUpAt = performance.now() + patienceMs;
      return inTurn(() => writeIfSealed("end"));
    },
  };
}

/** Dead letters by partition and reason. */
function countsOf(letters: readonly DeadLetter[]) {
  const counts = new Map<string, { partition: number; reason: DeadReason; count: number }>();
  for (const { partition, reason } of letters) {
    const key = `${partition} ${reason}`;
    const known = counts.get(key) ?? { partition, reason, count: 0 };
    known.count++;
    counts.set(key, known);
  }
  return [...counts.values()];
}
