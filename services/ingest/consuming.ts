// The topics that are read, each with a consumer of its own: taken at the start, or when one appears that fits the
// pattern. Told when it is deleted, or another has its name.
import { failure } from "../../shared/errors/failure.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape, type ShapeText } from "../../shared/events/shape/shape.ts";
import type { Consumption, Kafka } from "../../shared/kafka/port.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Pipeline, Way } from "./pipeline.ts";
import type { Seen } from "./seen.ts";
import { fitting, type Topics } from "./topics.ts";

export interface Consuming {
  /** Takes those that are wanted, each up to its end of now, or on and on. Answers whether there is any. */
  begin(wanted: Topics, untilEnd: boolean): Promise<boolean>;
  /** By name, in the order in which they were taken. */
  readonly topics: ReadonlyMap<string, Way>;
  reassign(topic: string): void;
  /** Tells the topic's group how far we are. */
  commit(topic: string, next: ReadonlyMap<number, number>): void;
  /** Rejects when the reading cannot go on. */
  readonly failed: Promise<never>;
  stop(): void;
}

interface Wanted {
  readonly kafka: Kafka;
  readonly pipeline: Pick<Pipeline, "open">;
  look(topic: string): Promise<Seen>;
  groupOf(topic: string): string;
  shapeFor(topic: string): ShapeText | null;
  /** Of all topics together. */
  readonly fetchBytes: number;
  readonly batchBytes: number;
  readonly log: Log;
}

const TOPIC_PARTITIONS = 4;
/** A topic that appears is read after so long at most. */
const LOOK_MS = 3000;
/** A fetch brings a whole batch of messages at least. */
const LEAST_FETCH = 64e3;

export function openConsuming({ kafka, pipeline, look, groupOf, shapeFor, log, ...room }: Wanted): Consuming {
  const { fetchBytes, batchBytes } = room;
  const topics = new Map<string, Way>();
  const consumptions = new Map<string, Consumption>();
  const { failed, fail } = failure();
  let following: NodeJS.Timeout | undefined;
  let looking = false;

  async function take(wanted: ReadonlyMap<string, ReadonlyMap<number, number> | null>): Promise<void> {
    const withoutId = new Set<string>();
    for (const topic of wanted.keys()) if ((await kafka.topicId(topic)) === null) withoutId.add(topic);
    for (const [topic, ends] of wanted)
      if (!topics.has(topic)) topics.set(topic, pipeline.open(topic, ends, shapeFor(topic), withoutId.has(topic)));
    for (const topic of wanted.keys()) {
      const { assigned, rebalancing, fetched } = topics.get(topic)!;
      const share = Math.max(LEAST_FETCH, Math.round(fetchBytes / topics.size));
      const shape = shapeFor(topic);
      const read = shape ? readerOf(parseShape(shape)).beside : [];
      const beside = withoutId.has(topic) ? [...read, { type: "key" as const }] : read;
      const reading = {
        topic,
        group: groupOf(topic),
        fetchBytes: share,
        batchBytes,
        beside,
        assigned,
        rebalancing,
        fetched,
      };
      const consumption = await kafka.consume(reading);
      consumptions.set(topic, consumption);
      consumption.failed.catch(fail);
    }
  }

  async function lookForNew(pattern: RegExp): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      const found = fitting(pattern, await kafka.topics()).filter((topic) => !consumptions.has(topic));
      if (found.length > 0) log.info({ topics: found }, "topics that fit have appeared");
      await take(new Map(found.map((topic) => [topic, null])));
    } catch (error) {
      log.debug({ err: error }, "topics could not be looked for"); // Kafka is away: others say so
    } finally {
      looking = false;
    }
  }

  async function begin(wanted: Topics, untilEnd: boolean): Promise<boolean> {
    const names = "names" in wanted ? wanted.names : fitting(wanted.pattern, await kafka.topics());
    const ends = new Map<string, ReadonlyMap<number, number> | null>();
    for (const topic of names) {
      if ("names" in wanted) await kafka.ensureTopic(topic, TOPIC_PARTITIONS);
      ends.set(topic, untilEnd ? endsIn(await look(topic)) : null);
    }
    await take(ends);
    if ("pattern" in wanted && !untilEnd) following = setInterval(() => void lookForNew(wanted.pattern), LOOK_MS);
    return names.length > 0;
  }

  return {
    begin,
    topics,
    reassign: (topic) => consumptions.get(topic)?.reassign(),
    commit: (topic, next) =>
      void consumptions
        .get(topic)
        ?.commit(next)
        .catch((error: Error) => log.debug(`group offsets not told: ${error.message}`)),
    failed,
    stop: () => clearInterval(following),
  };
}

/** What of a topic may be read now, by partition. */
const endsIn = ({ bounds }: Seen): Map<number, number> =>
  new Map(bounds.map(({ partition, stable }) => [partition, stable]));
