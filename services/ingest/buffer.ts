// What was read and is not committed yet: good rows as columns, bad ones as dead letters, and how far each partition is. Pure.
import type { EventBatch } from "../../shared/events/batch.ts";
import type { Interaction } from "../../shared/events/event.ts";
import { bucketOf } from "../../shared/events/hash.ts";
import type { DeadLetter } from "../../shared/table/dead-letters.ts";

export class Buffer {
  /** Next offset of each partition that something was read of. */
  readonly next = new Map<number, number>();
  readonly dead: DeadLetter[] = [];
  readonly #user: string[] = [];
  readonly #item: string[] = [];
  readonly #timestamp: number[] = [];
  readonly #value: (number | null)[] = [];
  readonly #bucket: number[] = [];
  readonly #partition: number[] = [];
  readonly #offset: number[] = [];
  #newestArrival = 0;
  #since: number | null = null;

  /** Messages held: good and dead. */
  get messages(): number {
    return this.#user.length + this.dead.length;
  }

  /** Newest arrival of what is held, ms; 0 when empty. */
  get newestArrival(): number {
    return this.#newestArrival;
  }

  /** When the first message came in, ms of the caller's clock; null when empty. */
  get since(): number | null {
    return this.#since;
  }

  addEvent(event: Interaction, partition: number, offset: number, arrivedAt: number, now: number): void {
    this.#user.push(event.user);
    this.#item.push(event.item);
    this.#timestamp.push(event.timestamp);
    this.#value.push(event.value);
    this.#bucket.push(bucketOf(event.user));
    this.#partition.push(partition);
    this.#offset.push(offset);
    this.#count(partition, offset, arrivedAt, now);
  }

  addDead(letter: DeadLetter, now: number): void {
    this.dead.push(letter);
    this.#count(letter.partition, letter.offset, letter.timestamp, now);
  }

  /** Shares its arrays with the buffer. */
  rows(): EventBatch {
    return {
      length: this.#user.length,
      user: this.#user,
      item: this.#item,
      timestamp: Float64Array.from(this.#timestamp),
      value: this.#value,
      bucket: Int32Array.from(this.#bucket),
      partition: Int32Array.from(this.#partition),
      offset: Float64Array.from(this.#offset),
    };
  }

  /** Messages by partition: good ones, dead ones. */
  counts(): Map<number, { good: number; dead: number }> {
    const counts = new Map([...this.next.keys()].map((partition) => [partition, { good: 0, dead: 0 }]));
    for (const partition of this.#partition) counts.get(partition)!.good++;
    for (const { partition } of this.dead) counts.get(partition)!.dead++;
    return counts;
  }

  #count(partition: number, offset: number, arrivedAt: number, now: number): void {
    this.next.set(partition, offset + 1);
    this.#newestArrival = Math.max(this.#newestArrival, arrivedAt);
    this.#since ??= now;
  }
}
