// What one ingest process says of itself at GET /status. Owned by services/ingest, which answers it; health, bench and
// tests read it.
import { z } from "zod";
import { key } from "./tolerant.ts";
import { at, bytes, count, flag, latency, perSecond, type Said, seconds, service, text } from "./units.ts";

const partition = z.object({
  topic: text("the Kafka topic"),
  epoch: count("how often the topic was deleted and made anew since the table knows it"),
  partition: key(count("its number in the topic")),
  offset: count("the offset to be read next; null where the partition is another process's").nullable(),
  end: count("the offset that the topic's next message gets"),
  lag: count("messages that the topic holds and the table does not"),
  lagSeconds: seconds("age of the newest event in the table while messages wait; null where none is known").nullable(),
  written: count("messages whose rows were written by this process"),
  dead: count("dead letters written by this process"),
  filtered: count("offsets that were neither"),
  lost: count("offsets whose messages Kafka deleted before they were read"),
  openTransaction: z
    .object({
      offset: count("the first that may not be read yet"),
      seconds: seconds("for how long it has been so"),
    })
    .nullable()
    .describe("the transaction whose end it waits for; null where nothing is held back"),
  leftOut: count("those of the filtered whose message the topic's map leaves out"),
  paused: flag("it waits for room in memory"),
});

const commit = {
  seconds: seconds("from the first byte written to the commit"),
  rows: count("rows of the file of events"),
  bytes: bytes("size of the file of events"),
};

export const ingestStatus = z.object({
  service: service("ingest"),
  state: z
    .enum(["consuming", "stalled", "draining"])
    .describe(
      "stalled: Kafka does not answer, the disk refuses, or a producer's transaction stays open; it goes on by itself",
    ),
  stalledBy: z
    .enum(["kafka", "disk", "transaction", "registry"])
    .nullable()
    .describe("what it waits for while it is stalled"),
  reason: text("why it is stalled, as a sentence").nullable(),
  read: count("written + dead + filtered + buffered, always"),
  written: count("messages whose rows are in the table, by this process: one each, unless a map makes more"),
  dead: count("messages that were no event, by this process"),
  filtered: count("offsets that were neither, by this process"),
  lost: count("offsets that Kafka deleted before they were read, booked by this process"),
  leftOut: count("those of the filtered whose message the topic's map leaves out: the others hold no message"),
  buffered: count("offsets read and not committed yet"),
  lag: z
    .object({
      messages: count("that the topic holds and the table does not"),
      seconds: seconds("of the partition furthest behind"),
    })
    .nullable()
    .describe("over its partitions; null before the first assignment"),
  partitions: z.array(partition).describe("of the topic, as far as they are this process's"),
  paused: z.array(z.number()).describe("numbers of the partitions that wait for room"),
  maps: z
    .array(
      z.object({
        topic: key(text("the Kafka topic")),
        map: text("as --map has it; empty where events are of our own shape"),
        where: text("as --where has it; empty where every message counts"),
        registry: text("of the schemas that values are written by; null where they are JSON").nullable(),
        changedAt: at("when it took the place of another one, which earlier rows were made by; null: never").nullable(),
        before: text("what it took the place of, where this process did so").nullable(),
      }),
    )
    .describe("how the messages of each topic are read"),
  flushes: z.record(z.string(), z.number()).describe("commits, by the cause that ended their buffer"),
  lastCommit: z
    .object({ at: key(at("when it was committed")), ...commit })
    .nullable()
    .describe("the newest; null before the first"),
  commits: z
    .array(
      z.object({
        at: key(at("when it was committed")),
        version: count("of the table"),
        cause: text("why the buffer was sealed"),
        seconds: commit.seconds,
        events: count("events and dead letters of the commit"),
        rows: commit.rows,
        bytes: commit.bytes,
      }),
    )
    .describe("the newest 20, oldest first"),
  rebalances: count("times that Kafka gave it partitions"),
  fenced: count("buffers dropped because another process had taken their partition"),
  unknownFields: z
    .record(z.string(), z.number())
    .describe("fields of events that the table has no column for, and how often each came"),
  warnings: z.array(z.string()).describe("what grows beyond what is usual, as sentences"),
  table: z
    .object({
      version: count("of its newest commit, -1 before the first"),
      files: count("live files"),
      rows: count("live rows"),
      logFiles: count("entries and checkpoints of its log, about"),
    })
    .describe("of events, as of this process's newest commit"),
  assignedAt: at("when it first got partitions").nullable(),
  lastCommitAt: at("when it committed last").nullable(),
  newestArrival: at("arrival of the newest event in the table; null where none is known").nullable(),
  freshness: latency,
  eventsPerSecond: perSecond("events and dead letters committed, over the last 10 s"),
  upkeep: z.enum(["compact", "vacuum"]).nullable().describe("what runs beside it to keep the table in shape"),
});
export type IngestStatus = Said<typeof ingestStatus>;
