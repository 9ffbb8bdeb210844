// What was read and is not committed yet: good rows as columns, bad ones as dead letters, offsets without a message,
// and how far each partition is. Pure.
import type { EventBatch } from "../../shared/events/batch.ts";
import { Dictionary } from "../../shared/events/dictionary.ts";
import { type DeadReason, type Interaction, OTHER_FIELDS } from "../../shared/events/event.ts";
import { bucketOfHash } from "../../shared/events/hash.ts";
import { longer } from "../../shared/events/longer.ts";
import type { Scanned } from "../../shared/events/scan.ts";
import { textOf } from "../../shared/events/text.ts";
import type { DeadLetter } from "../../shared/table/dead-letters.ts";
import type { FilteredRange } from "../../shared/table/filtered.ts";
import type { Printed } from "./prints.ts";

/** What is held of one partition. */
export interface Tally {
  /** Messages that are rows, and how many rows they are beyond one each. */
  good: number;
  moreRows: number;
  dead: number;
  /** Offsets that are neither: without a message, or left out by the topic's map. */
  filtered: number;
  /** Those of them that the map leaves out. */
  leftOut: number;
  /** Offsets whose messages Kafka deleted before they were read. */
  lost: number;
  /** The offset after the last one that was looked at. */
  next: number;
  /** Newest arrival among them, ms since 1970; 0 when none. */
  newestArrival: number;
  /** The last message among them, where Kafka tells no ids of topics. */
  last: Printed | null;
}

/** Offsets that a tally stands for. */
export const offsetsIn = ({ good, dead, filtered, lost }: Pick<Tally, "good" | "dead" | "filtered" | "lost">): number =>
  good + dead + filtered + lost;

const newTally = (): Tally => ({
  good: 0,
  moreRows: 0,
  dead: 0,
  filtered: 0,
  leftOut: 0,
  lost: 0,
  next: 0,
  newestArrival: 0,
  last: null,
});

interface DeadCount {
  readonly partition: number;
  readonly reason: DeadReason;
  readonly count: number;
}

interface State {
  readonly life: number;
  readonly rows: number;
  readonly dead: number;
  readonly honoured: number;
  readonly deadBytes: number;
  readonly marks: number;
  readonly gaps: readonly FilteredRange[];
  readonly tallies: ReadonlyMap<number, Tally>;
}

/** Bytes of a row beside its two names: numbers of the names, timestamp, value, bucket, partition, offset. */
const ROW_BYTES = 4 + 4 + 8 + 8 + 4 + 4 + 8;
/** Of a name beside its bytes: slots and offset of a dictionary. */
const WORD_BYTES = 24;
/** A mark a second and no more than these: a backlog of hours needs no more of them to be told by. */
const MARK_MS = 1000;
const MOST_MARKS = 64;
/** Names of unknown fields that are told apart; a producer that makes names up must not fill our memory. */
export const MOST_FIELDS = 50;
/** Of a dead letter beside its value. */
const LETTER_BYTES = 200;
/** Of a range of filtered offsets. */
const RANGE_BYTES = 100;

export class RowBuffer {
  /** Topic and epoch of all that is held. */
  source = "";
  readonly tallies = new Map<number, Tally>();
  readonly dead: DeadLetter[] = [];
  readonly gaps: FilteredRange[] = [];
  /** How many of the two are in their tables already: those of a commit that the disk refused half-way. */
  readonly written = { dead: 0, gaps: 0 };
  /** Dead letters of others that were honoured. */
  readonly honoured: DeadCount[] = [];
  /** Arrivals of the events that are followed to the model that learns from them, ms. */
  readonly marks: number[] = [];
  /** Fields that are no part of an event, by name; those beyond MOST_FIELDS together. */
  readonly unknownFields = new Map<string, number>();
  readonly #users = new Dictionary();
  readonly #items = new Dictionary();
  #rows = 0;
  #capacity = 0;
  #deadBytes = 0;
  #lastMark = Number.NEGATIVE_INFINITY;
  #since: number | null = null;
  #confirmed: State | null = null;
  /** How often something of it was forgotten. */
  #life = 0;
  #user = new Int32Array(0);
  #item = new Int32Array(0);
  #timestamp = new Float64Array(0);
  #value = new Float64Array(0);
  #partition = new Int32Array(0);
  #offset = new Float64Array(0);

  get rows(): number {
    return this.#rows;
  }

  /** Messages held: good and dead. */
  get messages(): number {
    return this.#rows + this.dead.length;
  }

  /** About what it takes in memory. */
  get bytes(): number {
    const words = [this.#users, this.#items].reduce((sum, { size, data }) => sum + size * WORD_BYTES + data.length, 0);
    return this.#rows * ROW_BYTES + words + this.#deadBytes + this.gaps.length * RANGE_BYTES;
  }

  /** When the first of it came in, ms of the caller's clock; null when empty. */
  get since(): number | null {
    return this.#since;
  }

  /** Newest arrival of what is held, ms; 0 when empty. */
  get newestArrival(): number {
    return Math.max(0, ...[...this.tallies.values()].map(({ newestArrival }) => newestArrival));
  }

  /** All that is held now, to be told apart from what comes after it. */
  state(): State {
    return {
      life: this.#life,
      rows: this.#rows,
      dead: this.dead.length,
      honoured: this.honoured.length,
      deadBytes: this.#deadBytes,
      marks: this.marks.length,
      gaps: [...this.gaps],
      tallies: new Map([...this.tallies].map(([partition, tally]) => [partition, { ...tally }])),
    };
  }

  /** What was held then is surely of the topic that it is said to be of. */
  confirm(state: State): void {
    if (state.life === this.#life) this.#confirmed = state;
  }

  /** Forgets what came after the last state that was confirmed. */
  cutToConfirmed(): void {
    const confirmed = this.#confirmed;
    if (confirmed === null) {
      this.clear();
      return;
    }
    this.#life++; // a state of before is none of it any more
    this.#rows = confirmed.rows;
    this.dead.length = confirmed.dead;
    this.honoured.length = confirmed.honoured;
    this.#deadBytes = confirmed.deadBytes;
    this.marks.length = confirmed.marks;
    this.gaps.splice(0, this.gaps.length, ...confirmed.gaps);
    this.written.dead = Math.min(this.written.dead, this.dead.length);
    this.written.gaps = Math.min(this.written.gaps, this.gaps.length);
    this.tallies.clear();
    for (const [partition, tally] of confirmed.tallies) this.tallies.set(partition, { ...tally });
  }

  /** The partition's tally, for whoever adds to count into. `now` in ms of the caller's clock. */
  open(partition: number, now: number): Tally {
    this.#since ??= now;
    const tally = this.tallies.get(partition) ?? newTally();
    this.tallies.set(partition, tally);
    return tally;
  }

  /**
   * A good event arrived, ms: it is marked when it is the first of a commit, or none was for a second of the stream.
   */
  mark(arrivedAt: number): void {
    if (!(arrivedAt - this.#lastMark >= MARK_MS) || this.marks.length === MOST_MARKS) return;
    this.marks.push(arrivedAt);
    this.#lastMark = arrivedAt;
  }

  addScanned(bytes: Uint8Array, event: Scanned, arrivedAt: number, partition: number, offset: number): void {
    const row = this.#row(partition, offset);
    this.#user[row] = this.#users.add(bytes, event.userStart, event.userEnd);
    this.#item[row] = this.#items.add(bytes, event.itemStart, event.itemEnd);
    this.#timestamp[row] = Number.isNaN(event.timestamp) ? arrivedAt : event.timestamp;
    this.#value[row] = event.value;
  }

  addEvent(event: Interaction, partition: number, offset: number): void {
    const row = this.#row(partition, offset);
    this.#user[row] = this.#users.addText(event.user);
    this.#item[row] = this.#items.addText(event.item);
    this.#timestamp[row] = event.timestamp;
    this.#value[row] = event.value ?? Number.NaN;
  }

  /** Of one message. */
  countUnknown(names: readonly string[]): void {
    for (const name of names) {
      const field = this.unknownFields.has(name) || this.unknownFields.size < MOST_FIELDS ? name : OTHER_FIELDS;
      this.unknownFields.set(field, (this.unknownFields.get(field) ?? 0) + 1);
    }
  }

  /** Offsets that are neither row nor dead letter; those that follow each other are one range. */
  addFiltered(range: FilteredRange): void {
    const last = this.gaps.at(-1);
    const follows =
      last?.last === range.first - 1 &&
      last.partition === range.partition &&
      last.reason === range.reason &&
      last.topic === range.topic;
    if (follows) this.gaps[this.gaps.length - 1] = { ...last, last: range.last };
    else this.gaps.push(range);
  }

  addDead(letter: DeadLetter): void {
    this.dead.push(letter);
    this.#deadBytes += LETTER_BYTES + (letter.value?.length ?? 0);
  }

  /** Dead letters by partition and reason. */
  deadCounts(): DeadCount[] {
    const counts = new Map<string, DeadCount>();
    const add = ({ partition, reason, count }: DeadCount) => {
      const key = `${partition} ${reason}`;
      counts.set(key, { partition, reason, count: (counts.get(key)?.count ?? 0) + count });
    };
    for (const { partition, reason } of this.dead) add({ partition, reason, count: 1 });
    for (const each of this.honoured) add(each);
    return [...counts.values()];
  }

  /** Shares its memory with the buffer: valid until the next row is added. */
  batch(): EventBatch {
    const text = (dictionary: Dictionary, numbers: Int32Array) => ({
      words: { size: dictionary.size, data: dictionary.data, offsets: dictionary.offsets },
      numbers,
    });
    const buckets = Int32Array.from({ length: this.#users.size }, (_, user) => bucketOfHash(this.#users.hashOf(user)));
    const bucket = this.#user.subarray(0, this.#rows).map((user) => buckets[user]!);
    return {
      length: this.#rows,
      user: text(this.#users, this.#user),
      item: text(this.#items, this.#item),
      source: { words: textOf([this.source]).words, numbers: new Int32Array(this.#rows) },
      timestamp: this.#timestamp,
      value: this.#value,
      bucket,
      partition: this.#partition,
      offset: this.#offset,
    };
  }

  /** Forgets everything, and keeps its memory for what comes. */
  clear(): void {
    this.tallies.clear();
    this.dead.length = 0;
    this.gaps.length = 0;
    this.honoured.length = 0;
    Object.assign(this.written, { dead: 0, gaps: 0 });
    this.marks.length = 0;
    this.#lastMark = Number.NEGATIVE_INFINITY;
    this.unknownFields.clear();
    this.#users.clear();
    this.#items.clear();
    this.#rows = 0;
    this.#deadBytes = 0;
    this.#since = null;
    this.#confirmed = null;
    this.#life++;
  }

  #row(partition: number, offset: number): number {
    if (this.#rows === this.#capacity) this.#grow();
    this.#partition[this.#rows] = partition;
    this.#offset[this.#rows] = offset;
    return this.#rows++;
  }

  #grow(): void {
    this.#capacity = Math.max(4096, 2 * this.#capacity);
    this.#user = longer(this.#user, new Int32Array(this.#capacity));
    this.#item = longer(this.#item, new Int32Array(this.#capacity));
    this.#timestamp = longer(this.#timestamp, new Float64Array(this.#capacity));
    this.#value = longer(this.#value, new Float64Array(this.#capacity));
    this.#partition = longer(this.#partition, new Int32Array(this.#capacity));
    this.#offset = longer(this.#offset, new Float64Array(this.#capacity));
  }
}
