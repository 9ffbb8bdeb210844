// Times ingest as users run it: a real topic, a real process with exactly-once on, beside what the same machine needs
// to consume and to parse alone.
import { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { progressLine } from "../../../shared/runtime/terminal.ts";
import { openExistingEvents, readEvents } from "../../../shared/table/events.ts";
import type { Figure } from "./figures.ts";
import { eventOf, type KafkaSize, lastWords, messagesOf, withKafka } from "./kafka.ts";

export interface IngestSize extends KafkaSize {
  /** As the flag of `ingest` takes it. */
  readonly memory: string;
}

const CHUNK = 5000;

/** What ingest says as it ends. */
const last = z.object({
  written: z.number(),
  assignedAt: z.number(),
  lastCommitAt: z.number(),
  table: z.object({ files: z.number() }),
  usage: z.object({ cpuSeconds: z.number(), peakBytes: z.number() }),
});

export interface IngestFigures {
  readonly eventsPerSecond: number;
  readonly consumeOnlyPerSecond: number;
  readonly jsonParsePerSecond: number;
  readonly cpuMicrosecondsPerEvent: number;
  readonly peakMemoryBytes: number;
  readonly files: number;
  /** Parquet to columns, one thread. */
  readonly rowsReadPerSecond: number;
}

export const ingestFigures = (size: IngestSize, until: Until): Promise<IngestFigures> =>
  withKafka(size, until, async ({ dir, kafka, topic }) => {
    await fill(kafka, topic, size, until);
    const consumeOnlyPerSecond = await consumeOnly(kafka, topic, size);
    await kafka.close();
    const jsonParsePerSecond = jsonParseRate();
    const flags = ["--topic", topic, "--until-end", "--memory", size.memory];
    const ended = await lastWords("ingest", flags, { dir, kafkaConfig: size.kafkaConfig }, last);
    if (ended.written !== size.events)
      throw new AppError("SERVICE_DIED", { what: `ingest wrote ${ended.written} of ${size.events}` });
    return {
      eventsPerSecond: (1000 * size.events) / (ended.lastCommitAt - ended.assignedAt),
      consumeOnlyPerSecond,
      jsonParsePerSecond,
      cpuMicrosecondsPerEvent: (1e6 * ended.usage.cpuSeconds) / size.events,
      peakMemoryBytes: ended.usage.peakBytes,
      files: ended.table.files,
      rowsReadPerSecond: await readRate(pathsOf(dir).table),
    };
  });

export const ingestLines = (figures: IngestFigures): Figure[] => [
  {
    name: "events/s, Kafka to committed table",
    value: figures.eventsPerSecond,
    unit: "1/s",
    limit: { is: "at least", value: 200_000 },
  },
  { name: "consuming alone", value: figures.consumeOnlyPerSecond, unit: "1/s" },
  { name: "JSON.parse alone", value: figures.jsonParsePerSecond, unit: "1/s" },
  { name: "CPU an event, start included", value: figures.cpuMicrosecondsPerEvent, unit: "us" },
  {
    name: "peak memory of the process",
    value: figures.peakMemoryBytes / 1e6,
    unit: "MB",
    limit: { is: "at most", value: 512 },
  },
  { name: "files", value: figures.files, unit: "" },
  { name: "rows/s, Parquet back to columns", value: figures.rowsReadPerSecond, unit: "1/s" },
];

async function fill(kafka: Kafka, topic: string, { events, partitions }: IngestSize, until: Until): Promise<void> {
  await kafka.ensureTopic(topic, partitions);
  const line = progressLine();
  for (let from = 0; from < events; from += CHUNK) {
    until.signal.throwIfAborted();
    const count = Math.min(CHUNK, events - from);
    await kafka.produce(topic, messagesOf(from, count));
    line.show(`${from + count} of ${events} events produced`);
  }
  line.end();
}

async function consumeOnly(kafka: Kafka, topic: string, { events }: IngestSize): Promise<number> {
  let seen = 0;
  let startedAt = 0;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const consumption = await kafka.consume({
    topic,
    group: `${topic}-alone`,
    fetchBytes: 1e6,
    assigned: async (partitions) => {
      startedAt = performance.now();
      return new Map(partitions.map((partition) => [partition, 0]));
    },
    rebalancing: () => undefined,
    fetched: async ({ messages }) => {
      seen += messages.offsets.length;
      if (seen >= events) finish();
    },
  });
  await Promise.race([done, consumption.failed]);
  const seconds = (performance.now() - startedAt) / 1000;
  await consumption.stop();
  return events / seconds;
}

function jsonParseRate(): number {
  const repeats = 100;
  const values = Array.from({ length: CHUNK }, (_, k) => Buffer.from(JSON.stringify(eventOf(k))));
  const startedAt = performance.now();
  for (let k = 0; k < repeats; k++) for (const value of values) JSON.parse(value.toString("utf8"));
  return (1000 * repeats * values.length) / (performance.now() - startedAt);
}

/** Rows a second. */
async function readRate(tableDir: string): Promise<number> {
  const { store, files, rows } = await openExistingEvents(tableDir);
  await readEvents(store, files[0]!); // warm
  const startedAt = performance.now();
  for (const file of files) await readEvents(store, file);
  return (1000 * rows) / (performance.now() - startedAt);
}
