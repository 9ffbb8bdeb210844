// What benches of Kafka begin with: a Kafka, their own unless one is named, a folder, made-up events as messages, and a
// service of ours that runs to its end.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import { syntheticStream } from "../../../shared/events/synthetic.ts";
import { startBroker, stopBroker } from "../../../shared/kafka/broker.ts";
import type { Compression } from "../../../shared/kafka/codecs.ts";
import { givenKafka } from "../../../shared/kafka/given.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import { type Bundle, bundleOf } from "../../../shared/kafka/outgoing.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { spawnService } from "../../../shared/runtime/spawn.ts";
import { say } from "../../../shared/runtime/terminal.ts";

/** For a bench whose services take the local Kafka: its events belong into no topic of others. */
export function forgetOtherKafkas(): void {
  for (const name of Object.keys(process.env).filter((name) => /^(TRIBUTARY_)?KAFKA_/.test(name)))
    delete process.env[name];
}

export interface KafkaSize {
  readonly events: number;
  readonly partitions: number;
  readonly compression?: Compression | undefined;
  readonly kafkaConfig?: string | undefined;
}

export interface Place {
  readonly dir: string;
  readonly kafka: Kafka;
  /** A topic of nobody else. */
  readonly topic: string;
}

/**
 * Whatever becomes of the work, which closes the client before it starts what it measures, the folder is removed and
 * the Kafka ended, if it is the bench's own.
 */
export async function withKafka<T>(size: KafkaSize, until: Until, work: (place: Place) => Promise<T>): Promise<T> {
  const { compression, kafkaConfig } = size;
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  const own = (await givenKafka(kafkaConfig, process.env, say)) === undefined;
  try {
    if (own) await startBroker(dir, { signal: until.signal });
    const wanted = { dataDir: dir, kafkaConfig, compression, signal: until.signal };
    const kafka = await openNearest(wanted, createLog("bench"));
    return await work({ dir, kafka, topic: `bench-${process.pid}` });
  } finally {
    if (own) await stopBroker(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

const SEED = 1337;
const FIRST_TIME = 1_700_000_000_000;
const eventAt = syntheticStream(SEED);

/** The made-up event of a number. */
export const eventOf = (k: number) => ({ ...eventAt(k), timestamp: FIRST_TIME + k });

/** Events as messages, from a number on. */
export const messagesOf = (from: number, count: number): Bundle =>
  bundleOf(
    Array.from({ length: count }, (_, k) => {
      const event = eventOf(from + k);
      return { key: event.user, value: JSON.stringify(event) };
    }),
  );

/** What a service says in its last line. Throws SERVICE_DIED when it fails, or says something else. */
export async function lastWords<T>(
  service: string,
  args: readonly string[],
  { dir, kafkaConfig }: { readonly dir: string; readonly kafkaConfig?: string | undefined },
  wanted: z.ZodType<T>,
): Promise<T> {
  const log = join(dir, `${service}.log`);
  const kafka = kafkaConfig === undefined ? [] : ["--kafka-config", kafkaConfig];
  const code = await spawnService(service, [...args, "--data-dir", dir, ...kafka], { log }).exited;
  const line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  const ended = code === 0 ? wanted.safeParse(JSON.parse(line)) : undefined;
  if (!ended?.success) throw new AppError("SERVICE_DIED", { what: `${service}: ${line}`, exitCode: code });
  return ended.data;
}
