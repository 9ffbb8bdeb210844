// From fetched messages into the buffer: up to where the process may read, in pieces where messages failed before,
// past those whose fate is on record, and with what Kafka deleted before it could be read.
import { AppError } from "../../shared/errors/errors.ts";
import type { MessageReader } from "../../shared/events/shape/mapped.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import type { Committing } from "./committing.ts";
import type { Failing } from "./failing.ts";
import { openFates, type Refused } from "./fates.ts";
import type { Held } from "./held.ts";
import type { Honoured, Piece } from "./honoured.ts";
import type { InWork } from "./in-work.ts";
import type { News } from "./news.ts";
import type { Seen } from "./seen.ts";
import type { Writer } from "./writer.ts";

/**
 * Messages that are taken in before it is looked whether it is time to write: a fetch may be of a hundred thousand
 * empty ones, and what a dead letter takes in memory is not its value alone.
 */
const MOST_AT_ONCE = 16_384;

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
  readonly takesPrints?: boolean;
  readonly ends: ReadonlyMap<number, number> | null;
  readonly inWork: InWork;
  look(): Promise<Seen | null>;
  reassign(): void;
  tell(news: News): void;
}

export function openTakingIn(
  settings: Settings,
  held: Held,
  writer: Writer,
  { writeIfSealed, isDone }: Committing,
  failing: Failing,
  honoured: Honoured,
  log: { error(facts: object, text: string): void },
): TakingIn {
  const { topic, stopOnLost, ends, inWork, look, reassign, tell } = settings;
  const { buffer, positions } = held;
  const fates = openFates(buffer, settings);

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
      const piece = honoured.next(partition, next, stop);
      if (piece.recorded !== null) {
        pass(partition, next, [piece]);
        await writeIfSealed(null);
        if (generation !== held.generation) return;
        continue;
      }
      const { to, isAlone, failures } = failing.suspects.unitAt(partition, next);
      if (isAlone) await writeIfSealed("suspect");
      if (generation !== held.generation) return; // dropped meanwhile, to be read again
      const enough = endOfSome(batch.messages.offsets, next);
      if (!(await takeUnit(batch, Math.min(to, piece.to, enough), failures))) return;
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
  }

  function lose(partition: number, from: number, to: number): void {
    const pieces = honoured.pieces(partition, from, to);
    const begins = [from, ...pieces.map((piece) => piece.to)];
    const lost = pieces.reduce((sum, piece, k) => sum + (piece.recorded ? 0 : piece.to - begins[k]!), 0);
    const what =
      `${lost} messages were deleted before they were read: the table ends at ${from - 1}, the topic begins at ` +
      `${to}`;
    if (lost > 0 && stopOnLost) throw new AppError("OFFSETS_LOST", { what, topic, partition });
    if (lost > 0) log.error({ topic, partition, first: from, last: to - 1, lost }, `${what}; they are booked as LOST`);
    pass(partition, from, pieces);
  }

  /** Over offsets that are on record, or lost. */
  function pass(partition: number, from: number, pieces: readonly Piece[]): void {
    const before = held.offsets;
    const tally = buffer.open(partition, performance.now());
    tally.next = from;
    for (const { to, recorded } of pieces) {
      if (recorded) fates.honour(tally, partition, to, recorded);
      else fates.lost(tally, partition, to);
    }
    positions.set(partition, tally.next);
    const offsets = held.offsets - before; // none that was lost
    if (offsets > 0) tell({ type: "read", partition, offsets, next: tally.next });
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

/** The offset of the message before which it is enough for once, from `from` on. */
function endOfSome(offsets: Float64Array, from: number): number {
  if (offsets.length <= MOST_AT_ONCE) return Number.POSITIVE_INFINITY;
  const first = offsets.findIndex((offset) => offset >= from);
  return (first < 0 ? undefined : offsets[first + MOST_AT_ONCE]) ?? Number.POSITIVE_INFINITY;
}
