// From fetched messages to committed tables, one thing at a time: identity.ts says which topic it is, taking-in.ts
// takes in, committing.ts writes. The table says where reading starts; the group never does.
import { AppError } from "../../shared/errors/errors.ts";
import type { MessageReader } from "../../shared/events/shape/mapped.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { oneAtATime } from "../../shared/runtime/turns.ts";
import { sourceOf } from "../../shared/table/epochs.ts";
import { startOf } from "../../shared/table/progress.ts";
import { openCommitting } from "./committing.ts";
import { openDiskPatience } from "./disk-patience.ts";
import { openFailing } from "./failing.ts";
import { openHeld } from "./held.ts";
import { openHonoured } from "./honoured.ts";
import { openIdentity } from "./identity.ts";
import type { InWork } from "./in-work.ts";
import type { News } from "./news.ts";
import type { Limits } from "./sealer.ts";
import type { Seen } from "./seen.ts";
import { openTakingIn } from "./taking-in.ts";
import type { Writer } from "./writer.ts";

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
  /**
   * The fingerprint of the message at an offset now: null where there is none, or none any more; undefined where Kafka
   * does not answer.
   */
  printAt?(partition: number, offset: number): Promise<number | null | undefined>;
  /** Whether fingerprints are taken: the key stands beside each message then, after what the reader asks for. */
  readonly takesPrints?: boolean;
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
  /** Somebody begins to ask Kafka what the topic is now. */
  asking(): void;
  /** The answer: what was held then is that topic's. */
  answered(seen: Seen): void;
  /** Writes what is left. Gives up with the disk's error after `patienceMs`: Kafka still holds what was not written. */
  drain(patienceMs: number): Promise<void>;
  /** Every end that was asked for is in the table. */
  readonly ended: Promise<void>;
}

export function createIntake(settings: IntakeSettings, writer: Writer, log: Log): Intake {
  const { topic, ends, tell, inWork, reassign } = settings;
  const held = openHeld(tell, writer, log);
  const disk = openDiskPatience(settings.retryMs, tell, log);
  const failing = openFailing(settings, held, log);
  const identity = openIdentity(
    { printAt: async () => null, ...settings, begun: failing.forget },
    held,
    writer,
    disk,
    log,
  );
  const committing = openCommitting(settings, held, writer, { identity, failing, disk }, log);
  const honoured = openHonoured();
  const { take, lose } = openTakingIn(settings, held, writer, committing, failing, honoured, log);
  const { writeIfSealed } = committing;
  const { positions } = held;
  const inTurn = oneAtATime();
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });

  async function assigned(
    partitions: readonly number[],
    generation: number,
    seen: Seen,
  ): Promise<ReadonlyMap<number, number>> {
    held.drop(false);
    const committed = await identity.progressIn(seen, partitions);
    for (const partition of partitions) {
      const { begin, end } = seen.bounds.find((each) => each.partition === partition) ?? { begin: 0, end: 0 };
      const recorded = await disk.reading(() => writer.recorded(partition));
      honoured.set(partition, recorded);
      // of a first commit that was cut off, and of which Kafka has deleted what was to come
      const before = recorded[0] && Math.min(begin, recorded[0].from) - 1;
      const start = startOf(committed.get(partition) ?? before, { begin, end });
      // it is the same topic, and its end is gone
      if ("anew" in start) throw new AppError("OFFSETS_LOST", { what: start.anew, topic, partition });
      if (start.lostFrom !== undefined) lose(partition, start.lostFrom, start.offset);
      positions.set(partition, start.offset);
      if (writer.condemned(partition) === start.offset) failing.suspects.condemned(partition, start.offset);
      for (const left of inWork.left(partition))
        if (left.last >= start.offset) failing.blame(partition, left, "a process before this one died");
    }
    held.generation = generation;
    const { epoch } = sourceOf(writer.source);
    tell({ type: "assigned", epoch, positions: new Map(positions), committed, table: held.table() });
    log.info({ topic, partitions, from: Object.fromEntries(positions) }, "partitions assigned");
    await endIfDone();
    return new Map(positions);
  }

  async function endIfDone(): Promise<void> {
    if (ends === null) return;
    const reached = (partition: number, end: number) =>
      end <= (positions.get(partition) ?? (writer.committed.get(partition) ?? -1) + 1);
    if (![...ends].every(([partition, end]) => reached(partition, end))) return;
    await writeIfSealed("end");
    // below 0: what was held is to be read again
    if (held.buffer.since === null && held.generation >= 0) finish();
  }

  async function tick(): Promise<void> {
    await writeIfSealed(null);
    if (ends === null || [...ends.keys()].every((partition) => positions.has(partition))) return;
    await disk.reading(() => writer.look()); // another process reads the other partitions
    await endIfDone();
  }

  return {
    ended,
    assigned: (partitions, generation, seen) => inTurn(() => assigned(partitions, generation, seen)),
    fetched: (batch) =>
      inTurn(async () => {
        await take(batch);
        await endIfDone();
      }),
    rebalancing: () => inTurn(() => writeIfSealed("rebalance")),
    recheck: () =>
      inTurn(async () => {
        await writeIfSealed("rebalance");
        reassign();
      }),
    tick: () => inTurn(tick),
    asking: identity.asking,
    answered: identity.answered,
    drain: (patienceMs) => {
      disk.endIn(patienceMs);
      return inTurn(() => writeIfSealed("end"));
    },
  };
}
