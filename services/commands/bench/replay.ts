// Times replay as users run it: a file into a real topic, acknowledged by all replicas and idempotent, beside the
// client alone, which is given messages that are made already.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Kafka } from "../../../shared/kafka/port.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import type { Figure } from "./figures.ts";
import { eventOf, type KafkaSize, lastWords, messagesOf, withKafka } from "./kafka.ts";

export interface ReplaySize extends KafkaSize {
  /** Instead of made-up events. */
  readonly file?: string | undefined;
}

export interface ReplayFigures {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly clientOnlyPerSecond: number;
  readonly cpuMicrosecondsPerEvent: number;
  readonly peakMemoryBytes: number;
}

/** As replay has it. */
const CHUNK = 4000;

/** What replay says as it ends. */
const last = z.object({
  produced: z.number().positive(),
  seconds: z.number(),
  usage: z.object({ cpuSeconds: z.number(), peakBytes: z.number() }),
});

export const replayFigures = (size: ReplaySize, until: Until): Promise<ReplayFigures> =>
  withKafka(size, until, async ({ dir, kafka, topic }) => {
    for (const each of [topic, `${topic}-client`]) await kafka.ensureTopic(each, size.partitions);
    const clientOnlyPerSecond = await clientOnly(kafka, `${topic}-client`, size.events);
    await kafka.close();
    const file = size.file ?? madeUp(dir, size.events);
    const packed = size.compression === undefined ? [] : ["--compression", size.compression];
    const { produced, seconds, usage } = await lastWords(
      "replay",
      [file, "--topic", topic, ...packed],
      { dir, kafkaConfig: size.kafkaConfig },
      last,
    );
    return {
      events: produced,
      eventsPerSecond: produced / seconds,
      clientOnlyPerSecond,
      cpuMicrosecondsPerEvent: (1e6 * usage.cpuSeconds) / produced,
      peakMemoryBytes: usage.peakBytes,
    };
  });

export const replayLines = (figures: ReplayFigures): Figure[] => [
  {
    name: "events/s, file to acknowledged by Kafka",
    value: figures.eventsPerSecond,
    unit: "1/s",
    limit: { is: "at least", value: 300_000 },
  },
  { name: "the client alone", value: figures.clientOnlyPerSecond, unit: "1/s" },
  { name: "CPU an event, start and first look included", value: figures.cpuMicrosecondsPerEvent, unit: "us" },
  { name: "peak memory of the process", value: figures.peakMemoryBytes / 1e6, unit: "MB" },
];

/** One chunk on its way, and the next one written meanwhile. */
async function clientOnly(kafka: Kafka, topic: string, events: number): Promise<number> {
  const messages = messagesOf(0, CHUNK);
  const chunks = Math.ceil(events / CHUNK);
  let before = kafka.produce(topic, messages);
  await before; // connected, and the first batches are slow
  const startedAt = performance.now();
  for (let k = 0; k < chunks; k++) {
    const next = kafka.produce(topic, messages);
    await before;
    before = next;
  }
  await before;
  return (1000 * chunks * CHUNK) / (performance.now() - startedAt);
}

function madeUp(dir: string, events: number): string {
  const file = join(dir, "events.csv");
  writeFileSync(file, "user,item,timestamp\n");
  for (let from = 0; from < events; from += 100 * CHUNK) {
    const rows = Array.from({ length: Math.min(100 * CHUNK, events - from) }, (_, k) => {
      const { user, item, timestamp } = eventOf(from + k);
      return `${user},${item},${timestamp}\n`;
    });
    writeFileSync(file, rows.join(""), { flag: "a" });
  }
  return file;
}
