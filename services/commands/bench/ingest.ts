// Times ingest as users run it: a real topic, a real process with exactly-once on, beside what the same machine needs
// to consume and to parse alone.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import { syntheticStream } from "../../../shared/events/synthetic.ts";
import { startBroker, stopBroker } from "../../../shared/kafka/broker.ts";
import { givenKafka } from "../../../shared/kafka/given.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { spawnService } from "../../../shared/runtime/spawn.ts";
import { progressLine, say } from "../../../shared/runtime/terminal.ts";
import { openExistingEvents, readEvents } from "../../../shared/table/events.ts";
import type { Figure } from "./figures.ts";

export interface IngestSize {
  readonly events: number;
  readonly partitions: number;
  /** As the flag of `ingest` takes it. */
  readonly memory: string;
  readonly kafkaConfig?: string | undefined;
}

const TOPIC = "bench";
const CHUNK = 5000;
const SEED = 1337;

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

export async function ingestFigures(size: IngestSize, until: Until): Promise<IngestFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  const own = (await givenKafka(size.kafkaConfig, process.env, say)) === undefined;
  try {
    if (own) await startBroker(dir, { signal: until.signal });
    const topic = own ? TOPIC : `${TOPIC}-${process.pid}`;
    const kafka = await openNearest(
      { dataDir: dir, kafkaConfig: size.kafkaConfig, signal: until.signal },
      createLog("bench"),
    );
    const sample = await fill(kafka, topic, size, until);
    const consumeOnlyPerSecond = await consumeOnly(kafka, topic, size);
    await kafka.close();
    const jsonParsePerSecond = jsonParseRate(sample);
    const ended = await runIngest(dir, topic, size);
    return {
      eventsPerSecond: (1000 * size.events) / (ended.lastCommitAt - ended.assignedAt),
      consumeOnlyPerSecond,
      jsonParsePerSecond,
      cpuMicrosecondsPerEvent: (1e6 * ended.usage.cpuSeconds) / size.events,
      peakMemoryBytes: ended.usage.peakBytes,
      files: ended.table.files,
      rowsReadPerSecond: await readRate(pathsOf(dir).table),
    };
  } finally {
    if (own) await stopBroker(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

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

/** Answers some of the messages. */
async function fill(kafka: Kafka, topic: string, { events, partitions }: IngestSize, until: Until): Promise<string[]> {
  await kafka.ensureTopic(topic, partitions);
  const eventAt = syntheticStream(SEED);
  const line = progressLine();
  let sample: string[] = [];
  for (let from = 0; from < events; from += CHUNK) {
    until.signal.throwIfAborted();
    const messages = Array.from({ length: Math.min(CHUNK, events - from) }, (_, k) => {
      const { user, item } = eventAt(from + k);
      return { key: user, value: JSON.stringify({ user, item, timestamp: 1_700_000_000_000 + from + k }) };
    });
    await kafka.produce(topic, messages);
    if (from === 0) sample = messages.map(({ value }) => value);
    line.show(`${from + messages.length} of ${events} events produced`);
  }
  line.end();
  return sample;
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

function jsonParseRate(sample: readonly string[]): number {
  const repeats = 100;
  const values = sample.map((value) => Buffer.from(value));
  const startedAt = performance.now();
  for (let k = 0; k < repeats; k++) for (const value of values) JSON.parse(value.toString("utf8"));
  return (1000 * repeats * values.length) / (performance.now() - startedAt);
}

async function runIngest(dir: string, topic: string, { events, memory, kafkaConfig }: IngestSize) {
  const log = join(dir, "ingest.log");
  const kafka = kafkaConfig === undefined ? [] : ["--kafka-config", kafkaConfig];
  const flags = ["--topic", topic, "--until-end", "--data-dir", dir, "--memory", memory, ...kafka];
  const ingest = spawnService("ingest", flags, { log });
  const code = await ingest.exited;
  const line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  const ended = code === 0 ? last.safeParse(JSON.parse(line)) : undefined;
  if (!ended?.success || ended.data.written !== events)
    throw new AppError("SERVICE_DIED", { what: `ingest: ${line}`, exitCode: code });
  return ended.data;
}

/** Rows a second. */
async function readRate(tableDir: string): Promise<number> {
  const { store, files, rows } = await openExistingEvents(tableDir);
  await readEvents(store, files[0]!); // warm
  const startedAt = performance.now();
  for (const file of files) await readEvents(store, file);
  return (1000 * rows) / (performance.now() - startedAt);
}
