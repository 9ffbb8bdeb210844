// From fetched batches to committed tables: parses, buffers, seals, writes, one thing at a time. The table says where reading starts; the group never does.
import { deadReasons, parseEvent } from "../../shared/events/event.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Bounds, Fetched, Reading } from "../../shared/kafka/client.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { Buffer } from "./buffer.ts";
import { type Limits, seal, startOf } from "./sealer.ts";
import type { Figures } from "./figures.ts";
import type { Writer } from "./writer.ts";

export interface IntakeSettings {
  readonly topic: string;
  readonly limits: Limits;
  /** Between two tries while the disk refuses. */
  readonly retryMs: number;
  /** Reading stops here, by partition; null: it never ends. */
  readonly ends: ReadonlyMap<number, number> | null;
  /** What the topic holds now. */
  bounds(): Promise<readonly Bounds[]>;
  /** Called when the table has moved on without us: read again from where it is. */
  reassign(): void;
  /** After each commit, by partition. */
  committed(next: ReadonlyMap<number, number>): void;
}

export interface Intake extends Pick<Reading, "assigned" | "fetched"> {
  /** To be called a few times a second: writes what has waited long enough. */
  tick(): Promise<void>;
  /** Writes what is left. Gives up with the disk's error after `patienceMs`: Kafka still holds what was not written. */
  drain(patienceMs: number): Promise<void>;
  /** Every end that was asked for is in the table. */
  readonly ended: Promise<void>;
  /** Next offset to be read, by partition of ours. */
  readonly positions: ReadonlyMap<number, number>;
}

/** The operating system's refusals that pass: wait, keep what we have, try again. */
const PASSING = new Set(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "EROFS"]);

export function createIntake(settings: IntakeSettings, writer: Writer, figures: Figures, log: Log): Intake {
  const { topic, limits, ends } = settings;
  const positions = new Map<number, number>();
  let buffer = new Buffer();
  let giveUpAt = Number.POSITIVE_INFINITY;
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const exclusive = oneAtATime();

  function drop(): void {
    figures.dropped(buffer.messages);
    buffer = new Buffer();
  }

  async function assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    drop();
    positions.clear();
    const committed = await writer.refresh();
    const bounds = new Map((await settings.bounds()).map((each) => [each.partition, each]));
    for (const partition of partitions) {
      const start = startOf(committed.get(partition), bounds.get(partition) ?? { begin: 0, end: 0 });
      if ("lost" in start) throw new AppError("OFFSETS_LOST", { what: start.lost, topic, partition });
      positions.set(partition, start.offset);
    }
    log.info({ partitions, from: Object.fromEntries(positions) }, "partitions assigned");
    await endIfDone();
    return positions;
  }

  async function fetched({ partition, messages, next }: Fetched): Promise<void> {
    const from = positions.get(partition);
    if (from === undefined) return; // taken from us
    const end = ends?.get(partition) ?? (ends === null ? Number.POSITIVE_INFINITY : 0);
    const now = performance.now();
    let unknownFields = 0;
    let read = 0;
    for (const { offset, value, arrivedAt } of messages) {
      if (offset < from || offset >= end) continue;
      const parsed = parseEvent(value, arrivedAt);
      read++;
      if (parsed.ok) {
        unknownFields += parsed.unknownFields;
        buffer.addEvent(parsed.event, partition, offset, arrivedAt, now);
      } else {
        const { reason } = parsed;
        buffer.addDead({ value, topic, partition, offset, timestamp: arrivedAt, reason, detail: deadReasons[reason] }, now);
      }
    }
    positions.set(partition, Math.max(from, Math.min(next, end)));
    figures.read(read, unknownFields);
    await writeIfSealed(false);
    await endIfDone();
  }

  async function endIfDone(): Promise<void> {
    if (ends === null) return;
    const reached = (partition: number, end: number) => end <= (positions.get(partition) ?? (writer.committed.get(partition) ?? -1) + 1);
    if (![...ends].every(([partition, end]) => reached(partition, end))) return;
    await writeIfSealed(true);
    if (buffer.messages === 0) finish();
  }

  async function writeIfSealed(noMore: boolean): Promise<void> {
    const cause = seal({ messages: buffer.messages, since: buffer.since, ended: noMore }, limits, performance.now());
    if (cause === null) return;
    for (let attempt = 0; ; attempt++) {
      try {
        const startedAt = performance.now();
        await writer.write(buffer);
        figures.wrote(buffer, (performance.now() - startedAt) / 1000);
        log.debug({ cause, messages: buffer.messages, version: writer.table.version }, "committed");
        const next = new Map(buffer.next);
        buffer = new Buffer();
        settings.committed(next);
        return;
      } catch (error) {
        if (error instanceof AppError && error.code === "WRITER_FENCED") {
          log.warn({ dropped: buffer.messages }, `${error.message}: reading again from where the table is`);
          drop();
          settings.reassign();
          return;
        }
        const { code, message } = error as NodeJS.ErrnoException;
        if (!PASSING.has(code ?? "") || performance.now() > giveUpAt) throw error;
        if (attempt === 0) log.error({ code }, `cannot write: ${message}. Nothing is lost; trying again`);
        figures.stalled(`cannot write: ${message}`);
        await sleep(settings.retryMs);
      }
    }
  }

  return {
    positions,
    ended,
    assigned: (partitions) => exclusive(() => assigned(partitions)),
    fetched: (batch) => exclusive(() => fetched(batch)),
    tick: () =>
      exclusive(async () => {
        await writeIfSealed(false);
        if (ends !== null && [...ends.keys()].some((partition) => !positions.has(partition))) {
          await writer.look(); // another process reads the other partitions
          await endIfDone();
        }
      }),
    drain: (patienceMs) => {
      giveUpAt = performance.now() + patienceMs;
      return exclusive(() => writeIfSealed(true));
    },
  };
}

function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}
