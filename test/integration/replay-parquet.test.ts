// Real Kafka, real processes: a Parquet file replayed, stopped or killed in the middle and replayed again; every event
// arrives, and each user's in order.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { textOf } from "../../shared/events/text.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import { encodeParquet } from "../../shared/storage/parquet.ts";
import { eventsSchema } from "../../shared/table/events.ts";
import { useBroker } from "./broker-folder.ts";
import { start } from "./processes.ts";

const EVENTS = 12_000;
/** At this rate a chunk holds a tenth: 400 events. */
const RATE = 4000;

const broker = useBroker("replay");
const { folder } = broker;
const file = join(folder, "events"); // known by its content
beforeAll(() => {
  const numbers = Array.from({ length: EVENTS }, (_, k) => k);
  const columns = {
    user: textOf(numbers.map((k) => `u${k % 211}`)),
    item: textOf(numbers.map((k) => `i${k}`)),
    timestamp: Float64Array.from(numbers, (k) => 1_600_000_000_000 + k),
    value: Float64Array.from(numbers, (k) => (k % 2 === 0 ? Number.NaN : k / 4)),
    bucket: new Int32Array(EVENTS),
    kafka_partition: new Int32Array(EVENTS),
    kafka_offset: new Float64Array(EVENTS),
    topic: textOf(numbers.map(() => "interactions")),
  };
  writeFileSync(file, encodeParquet(eventsSchema, columns, EVENTS).bytes);
});

const replay = (topic: string, ...flags: string[]) =>
  start(["replay", file, "--topic", topic, "--data-dir", join(folder, topic), ...flags], broker.env);

const arrived = async (topic: string) =>
  (await broker.kafka.endOffsets(topic).catch(() => [])).reduce((sum, { end }) => sum + end, 0);

/** Ends the replay with `signal` once a third of the events is there. */
async function interrupt(topic: string, signal: NodeJS.Signals): Promise<void> {
  const { child, ended } = replay(topic, "--rate", String(RATE));
  while ((await arrived(topic)) < EVENTS / 3) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill(signal);
  expect(await ended).toMatchObject({ code: signal === "SIGTERM" ? 0 : null });
  expect(await arrived(topic)).toBeLessThan(EVENTS);
}

interface Sent {
  readonly user: string;
  readonly item: string;
  readonly timestamp: number;
  readonly value?: number;
}

function textsOf({ lengths, values }: Fetched["messages"]): string[] {
  let end = 0;
  return Array.from(lengths, (length) => {
    end += length;
    return Buffer.from(values.subarray(end - length, end)).toString();
  });
}

/** What the topic holds, each partition's in the order of its offsets. */
async function consume(topic: string): Promise<Sent[][]> {
  const wanted = await arrived(topic);
  const found: Sent[][] = [[], [], [], []];
  await new Promise<void>((resolve, reject) => {
    const fetched = async ({ partition, messages }: Fetched) => {
      found[partition]!.push(...textsOf(messages).map((value) => JSON.parse(value) as Sent));
      if (found.flat().length >= wanted) resolve();
    };
    const assigned = async (partitions: readonly number[]) => new Map(partitions.map((partition) => [partition, 0]));
    broker.kafka
      .consume({ topic, group: topic, fetchBytes: 1e6, assigned, rebalancing: () => undefined, fetched })
      .then(({ failed }) => failed.catch(reject), reject);
  });
  return found;
}

const place = ({ item }: Sent) => Number(item.slice(1));
const event = (k: number): Sent => ({
  user: `u${k % 211}`,
  item: `i${k}`,
  timestamp: 1_600_000_000_000 + k,
  ...(k % 2 === 0 ? {} : { value: k / 4 }),
});
const everyEvent = Array.from({ length: EVENTS }, (_, k) => event(k));

test("a stopped replay of a Parquet file goes on where it was: every event once, in order", async () => {
  await interrupt("stopped", "SIGTERM");
  const again = await replay("stopped").ended;
  expect(again).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/going on where[\s\S]*"skipped":0,"position":12000.*done/),
  });
  const partitions = await consume("stopped");
  for (const events of partitions) expect(events.map(place)).toEqual(events.map(place).sort((a, b) => a - b));
  expect(partitions.flat().sort((a, b) => place(a) - place(b))).toEqual(everyEvent);

  expect(await replay("stopped").ended).toMatchObject({ code: 0, stderr: expect.stringContaining('"produced":0') });
});

test("a killed one sends its last chunk at most twice, and leaves nothing out", async () => {
  await interrupt("killed", "SIGKILL");
  expect(await replay("killed").ended).toMatchObject({ code: 0 });
  const partitions = await consume("killed");
  for (const events of partitions) {
    const firsts = [...new Set(events.map(place))];
    expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
  }
  const places = partitions.flat().map(place);
  expect([...new Set(places)].sort((a, b) => a - b)).toEqual(everyEvent.map(place));
  expect(places.length - EVENTS).toBeLessThanOrEqual(RATE / 10);
});
