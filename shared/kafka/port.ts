// The port to Kafka: what the project asks of it, eight methods. client.ts answers them by kafkajs, so that another
// client can take its place; test/integration/kafka-port.test.ts is what it must pass.
import type { Beside } from "../events/shape/places.ts";
import type { Messages, RawMessage } from "./messages.ts";
import type { Bundle, Outgoing } from "./outgoing.ts";

export interface Fetched {
  readonly partition: number;
  /** Of the assignment under which it was fetched: what comes late from an earlier one is stale. */
  readonly generation: number;
  /**
   * The offset that Kafka was asked for. Above the position where it no longer had that: what lies between was deleted
   * before it could be read.
   */
  readonly asked: number;
  /** In order of offset, none before the position that was asked for. */
  readonly messages: Messages;
  /**
   * The offset to go on from. Where `messages` leaves out offsets before it, Kafka holds none: transaction markers,
   * aborted or compacted away.
   */
  readonly next: number;
}

/** What a partition holds: offsets from `begin` to before `end`. */
export interface Bounds {
  readonly partition: number;
  readonly begin: number;
  readonly end: number;
  /** What may be read: before this offset. Behind it a transaction is open. */
  readonly stable: number;
}

export interface Reading {
  readonly topic: string;
  readonly group: string;
  /** Bytes of one fetch, about. */
  readonly fetchBytes: number;
  /** Bytes that a single batch may unpack to: of one that takes more only the offsets are known. */
  readonly batchBytes?: number;
  /** What is wanted of messages beside value, offset and time. */
  readonly beside?: readonly Beside[];
  /**
   * The partitions are ours now, and all that was read before is stale. Answers the offset to start each at. An error
   * ends the reading.
   */
  assigned(partitions: readonly number[], generation: number): Promise<ReadonlyMap<number, number>>;
  /** The partitions may go to others: `assigned` follows. Nobody waits for this. */
  rebalancing(): void;
  /**
   * One batch at a time; nothing more is fetched while it runs, so waiting here is back-pressure. An error ends the
   * reading.
   */
  fetched(batch: Fetched): Promise<void>;
}

export interface Consumption {
  /** Rejects when the reading cannot go on. Connection losses are not such: they are retried for ever. */
  readonly failed: Promise<never>;
  /** Tells the group how far we are, for lag tools: nobody starts from there. */
  commit(next: ReadonlyMap<number, number>): Promise<void>;
  /** Forgets what was read: `assigned` is called again for the same partitions, and reading goes on from its answer. */
  reassign(): void;
  /** Leaves the group at once. */
  stop(): Promise<void>;
}

export interface Kafka {
  /** Creates the topic where missing; the number of its partitions. */
  ensureTopic(topic: string, partitions: number): Promise<number>;
  endOffsets(topic: string): Promise<Bounds[]>;
  /**
   * What no other topic has, of this name or another, before or after; null where Kafka does not tell, undefined where
   * there is no such topic.
   */
  topicId(topic: string): Promise<string | null | undefined>;
  /** The message at an offset; undefined where Kafka has none there, or none any more. */
  messageAt(topic: string, partition: number, offset: number): Promise<RawMessage | undefined>;
  /** Names of all topics that we may see. */
  topics(): Promise<string[]>;
  /**
   * Acknowledged by all replicas, idempotent; partitioned by key as Java clients do. Retries while the broker is away.
   */
  produce(topic: string, messages: readonly Outgoing[] | Bundle): Promise<void>;
  consume(reading: Reading): Promise<Consumption>;
  close(): Promise<void>;
}
