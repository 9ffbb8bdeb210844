// Times replay as users run it: a file into a real topic, acknowledged by all replicas and idempotent, beside the
// client alone, which is given messages that are made already.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import { syntheticStream } from "../../../shared/events/synthetic.ts";
import { startBroker, stopBroker } from "../../../shared/kafka/broker.ts";
import type { Compression } from "../../../shared/kafka/codecs.ts";
import { givenKafka } from "../../../shared/kafka/given.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { spawnService } from "../../../shared/runtime/spawn.ts";
import { say } from "../../../shared/runtime/terminal.ts";
import type { Figure } from "./figures.ts";

export interface ReplaySize {
  readonly events: number;
  readonly partitions: number;
  readonly compression?: Compression | undefined;
  readonly kafkaConfig?: string | undefined;
}

export interface ReplayFigures {
  readonly eventsPerSecond: number;
  readonly clientOnlyPerSecond: number;
}

const SEED = 1337;
/** As replay has it. */
const CHUNK = 4000;

/** What replay says as it ends. */
const last = z.object({ produced: z.number(), seconds: z.number() });

export async function replayFigures(size: ReplaySize, until: Until): Promise<ReplayFigures> {
  const { kafkaConfig, compression } = size;
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  const own = (await givenKafka(kafkaConfig, process.env, say)) === undefined;
  try {
    if (own) await startBroker(dir, { signal: until.signal });
    const wanted = { dataDir: dir, kafkaConfig, compression, signal: until.signal };
    const kafka = await openNearest(wanted, createLog("bench"));
    const topic = `bench-${process.pid}`;
    for (const each of [topic, `${topic}-client`]) await kafka.ensureTopic(each, size.partitions);
    const clientOnlyPerSecond = await clientOnly(kafka, `${topic}-client`, size);
    await kafka.close();
    return { clientOnlyPerSecond, eventsPerSecond: await runReplay(dir, topic, size) };
  } finally {
    if (own) await stopBroker(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

export const replayLines = (figures: ReplayFigures): Figure[] => [
  {
    name: "events/s, file to acknowledged by Kafka",
    value: figures.eventsPerSecond,
    unit: "1/s",
    limit: { is: "at least", value: 300_000 },
  },
  { name: "the client alone", value: figures.clientOnlyPerSecond, unit: "1/s" },
];

/** One chunk on its way, and the next one written meanwhile. */
async function clientOnly(kafka: Kafka, topic: string, { events }: ReplaySize): Promise<number> {
  const eventAt = syntheticStream(SEED);
  const messages = Array.from({ length: CHUNK }, (_, k) => {
    const { user, item } = eventAt(k);
    return { key: user, value: JSON.stringify({ user, item, timestamp: 1_700_000_000_000 + k }) };
  });
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

async function runReplay(
  dir: string,
  topic: string,
  { events, kafkaConfig, compression }: ReplaySize,
): Promise<number> {
  const eventAt = syntheticStream(SEED);
  const file = join(dir, "events.csv");
  const row = (k: number) => `${eventAt(k).user},${eventAt(k).item},${1_700_000_000_000 + k}\n`;
  writeFileSync(file, "user,item,timestamp\n");
  for (let from = 0; from < events; from += 100 * CHUNK) {
    const count = Math.min(100 * CHUNK, events - from);
    writeFileSync(file, Array.from({ length: count }, (_, k) => row(from + k)).join(""), { flag: "a" });
  }
  const log = join(dir, "replay.log");
  const flags = { topic, "data-dir": dir, compression, "kafka-config": kafkaConfig };
  const args = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const code = await spawnService("replay", [file, ...args], { log }).exited;
  const line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  const ended = code === 0 ? last.safeParse(JSON.parse(line)) : undefined;
  if (!ended?.success || ended.data.produced !== events)
    throw new AppError("SERVICE_DIED", { what: `replay: ${line}`, exitCode: code });
  return events / ended.data.seconds;
}
