// From fetched messages into the buffer: up to where the process may read, in pieces where messages failed before, and
// with what Kafka deleted before it could be read.
import { AppError } from "../../shared/errors/errors.ts";
import type { MessageReader } from "../../shared/events/shape/mapped.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import type { Committing } from "./committing.ts";
import type { Failing } from "./failing.ts";
import { openFates, type Refused } from "./fates.ts";
import type { Held } from "./held.ts";
import type { InWork } from "./in-work.ts";
import type { News } from "./news.ts";
import type { Seen } from "./seen.ts";
import type { Writer } from "./writer.ts";

export interface TakingIn {
  /** Of a batch what may be read. Throws BAD_EVENT, OFFSETS_LOST. */
  take(batch: Fetched): Promise<void>;
  /** The messages of these offsets were deleted before they were read. Throws OFFSETS_LOST. */
  lose(partition: number, from: number, to: number): void;
}

interface Settings {
  readonly topic: string;
  readonly stopOnBadEvent: boolean;
  readonly stopOnLost: boolean;
  readonly reader?: MessageReader | undefined;
  readonly ends: ReadonlyMap<number, number> | null;
  readonly inWork: InWork;
  look(): Promise<Seen | null>;
  reassign(): void;
  tell(news: News): void;
}

export function openTakingIn(
  { topic, stopOnBadEvent, stopOnLost, reader, ends, inWork, look, reassign, tell }: Settings,
  held: Held,
  writer: Writer,
  { writeIfSealed, isDone }: Committing,
  failing: Failing,
  log: { error(facts: object, text: string): void },
): TakingIn {
  const { buffer, positions } = held;
  const fates = openFates(buffer, stopOnBadEvent, reader);

  async function take(batch: Fetched): Promise<void> {
    const { partition, generation } = batch;
    const from = positions.get(partition);
    if (from === undefined || generation !== held.generation) return; // taken from us
    const end = ends?.get(partition) ?? (ends === null ? Number.POSITIVE_INFINITY : 0);
    if (batch.next <= from || from >= end) return;
    if (batch.asked > from) await leap(batch, from, end);
    if (generation !== held.generation) return;
    const stop = Math.min(batch.next, end);
    for (let next = positions.get(partition)!; next < stop; next = positions.get(partition)!) {
      const { to, isAlone, failures } = failing.suspects.unitAt(partition, next);
      if (isAlone) await writeIfSealed("suspect");
      if (generation !== held.generation) return; // dropped meanwhile, to be read again
      if (!(await takeUnit(batch, Math.min(to, stop), failures))) return;
      await writeIfSealed(isAlone ? "suspect" : null);
      if (generation !== held.generation) return;
    }
  }

  /**
   * Kafka was asked for what lies behind our position: because it no longer has that, or because it never had messages
   * there, which it alone knows.
   */
  async function leap({ partition, asked }: Fetched, from: number, end: number): Promise<void> {
    const begin = (await look())?.bounds.find((each) => each.partition === partition)?.begin;
    if (begin === undefined) {
      await writeIfSealed("rebalance");
      held.drop(false); // nobody can tell: it is read again when Kafka answers
      return reassign();
    }
    const to = Math.min(begin, asked, end);
    if (to <= from) return;
    if (stopOnLost) await writeIfSealed("end");
    lose(partition, from, to);
    positions.set(partition, to);
  }

  function lose(partition: number, from: number, to: number): void {
    const what =
      `${to - from} messages were deleted before they were read: the table ends at ${from - 1}, the topic begins at ` +
      `${to}`;
    if (stopOnLost) throw new AppError("OFFSETS_LOST", { what, topic, partition });
    log.error({ topic, partition, first: from, last: to - 1, lost: to - from }, `${what}; they are booked as LOST`);
    const tally = buffer.open(partition, performance.now());
    tally.next = from;
    fates.lost(tally, partition, to);
  }

  /** Up to an offset. False when it failed, and is to be read again. Throws BAD_EVENT. */
  async function takeUnit(batch: Fetched, stop: number, failures: number): Promise<boolean> {
    const { partition } = batch;
    const from = positions.get(partition)!;
    const unit = { first: from, last: stop - 1, failures };
    const verdict = failing.suspects.verdictOn(partition, from);
    if (verdict !== null && !(await isDone([[partition, unit]], () => writer.condemn(partition, from)))) return false;
    const tally = buffer.open(partition, performance.now());
    tally.next = from;
    inWork.begin(partition, unit);
    let refused: Refused | undefined;
    try {
      refused = fates.takeIn(batch, tally, stop, verdict);
    } catch (error) {
      failing.failed(error, [[partition, unit]]);
      return false;
    }
    inWork.end(partition);
    const to = refused === undefined ? stop : refused.offset;
    fates.gap(tally, partition, to);
    positions.set(partition, to);
    tell({ type: "read", partition, offsets: to - from, next: to });
    if (!refused) return true;
    await writeIfSealed("end");
    const { reason, detail, offset } = refused;
    throw new AppError("BAD_EVENT", { what: `${reason}, ${detail}`, topic, partition, offset });
  }

  return { take, lose };
}
