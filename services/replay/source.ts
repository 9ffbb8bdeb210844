// What can be replayed: a sequence of events with positions, so that a stopped replay goes on where it was.
import type { Bundle } from "../../shared/kafka/outgoing.ts";

export interface Chunk {
  /** Its events, as the messages that carry them. */
  readonly messages: Bundle;
  /** Where the next chunk starts: saved once this one is acknowledged. */
  readonly next: number;
  /** Whether the rate holds for it; history is sent as fast as it goes. */
  readonly paced: boolean;
}

/** What the rest of the stream needs to know after a restart, saved with the position. */
export type Memory = Readonly<Record<string, number>>;

/** Bytes of a chunk's messages: a broker takes batches below 1 MiB, and one partition may get all of them. */
export const MOST_BYTES = 900_000;

export interface Source {
  /** For people. */
  readonly name: string;
  /** Names the stream for the saved position: the same stream, the same text. Null where it cannot be gone on with. */
  readonly identity: string | null;
  /** Events in all, where known. */
  readonly total: number | null;
  /** From a position on, in chunks of at most `size` events, and of what Kafka takes at once. */
  chunks(from: number, size: number): AsyncIterable<Chunk>;
  /** How much is done, 0..1, where it can be told. */
  fraction(position: number): number | null;
  /** Rows passed over because they are no events. */
  readonly skipped: number;
  readonly memory: Memory;
}
