// Follows the topic beside the table, so that an event changes answers before the table has it. Touches Kafka, commits
// nothing, creates nothing, and never ends: without Kafka serve goes on from the table, and this tries again.
import { randomUUID } from "node:crypto";
import { AppError } from "../../shared/errors/errors.ts";
import { failure } from "../../shared/errors/failure.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape } from "../../shared/events/shape/shape.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import type { ServeStatus } from "../../shared/health/status/serve.ts";
import type { Bounds, Kafka } from "../../shared/kafka/port.ts";
import { schemaIdsIn } from "../../shared/kafka/schemas/framing.ts";
import { openRegistry } from "../../shared/kafka/schemas/registry.ts";
import { openSchemas, type Schemas } from "../../shared/kafka/schemas/schemas.ts";
import { MOST_AHEAD, type Tail } from "../../shared/recommending/tail.ts";
import type { Users } from "../../shared/recommending/users.ts";
import { setting } from "../../shared/runtime/command.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { startOf } from "../../shared/table/progress.ts";
import { openAhead } from "./ahead.ts";

export interface Following {
  status(): Pick<ServeStatus, "following" | "freshness">;
  /** Until asked to stop. */
  run(until: Until): Promise<void>;
}

interface Followed {
  readonly topic: string;
  readonly tail: Tail;
  readonly users: Users;
  /** Rejects where no Kafka is in reach. */
  open(): Promise<Kafka>;
  /** Whether the model in use has a column for the item. */
  knows(item: string): boolean;
  readonly metrics: Metrics;
  readonly log: Log;
}

const RETRY_MS = 2000;
const LOOK_MS = 1000;
/** Looks without an answer: counted, and not timed, so that a process that was held up itself does not blame Kafka. */
const SILENT_LOOKS = 4;
/** Small: while a batch is read no request is answered. */
const FETCH_BYTES = 512 << 10;

/** So it is at the first start, too, until ingest has put its map on record. */
const otherMap = new Error("the table is made by another map now: the topic is read by that one");

export function followTopic({ topic, tail, users, open, knows, metrics, log }: Followed): Following {
  const ahead = openAhead({ take: users.take, passed: tail.passed }, knows, (partition, offset, error) =>
    log.debug({ partition, offset, err: error }, "a message could not be read"),
  );
  const freshness = openFreshness(metrics, "answer");
  /** Why the topic is not followed; null while it is. */
  let reason: string | null = "it has not begun yet";
  const told = new Set<string>();
  let bounds: readonly Bounds[] = [];

  const lag = () => bounds.reduce((sum, each) => sum + Math.max(0, each.end - (tail.nextOf(each.partition) ?? 0)), 0);
  metrics.onScrape(() => {
    metrics.gauge("tributary_following").set(reason === null ? 1 : 0);
    metrics.gauge("tributary_followed_held").set(tail.held);
    metrics.gauge("tributary_followed_lag_messages").set(lag());
    const gauge = metrics.gauge("tributary_followed_events");
    for (const [outcome, count] of Object.entries(ahead.counts)) gauge.set({ outcome }, count);
    gauge.set({ outcome: "left-out" }, tail.leftOut);
  });

  function waits(why: string): void {
    if (!told.has(why))
      log.warn(`the topic ${topic} is not followed: ${why}. Answers go on from the table, and it is tried again`);
    told.add(why);
    reason = why;
  }

  function follows(): void {
    if (reason !== null) log.info({ topic }, "following the topic beside the table");
    told.clear();
    reason = null;
  }

  let isRegistryAway = false;
  function schemasOf(url: string | undefined): Schemas | undefined {
    isRegistryAway = false;
    if (url === undefined) return undefined;
    return openSchemas({
      registry: openRegistry(url, setting(process.env, "SCHEMA_REGISTRY_AUTH")),
      waits: (why) => {
        isRegistryAway = why !== null;
        if (why) waits(String(why.facts.what));
      },
      sleep,
    });
  }

  /** Where to read on, by partition. Throws OFFSETS_LOST where ingest could not go on there either. */
  function starts(partitions: readonly number[]): Map<number, number> {
    const most = Math.ceil(MOST_AHEAD / Math.max(1, bounds.length));
    const from = new Map<number, number>();
    for (const partition of partitions) {
      const bound = bounds.find((each) => each.partition === partition) ?? { begin: 0, end: 0 };
      const start = startOf(tail.doneOf(partition), bound);
      if ("anew" in start) throw new AppError("OFFSETS_LOST", { what: start.anew, topic, partition });
      tail.passed(partition, start.offset);
      tail.skipped(partition, bound.end - most); // there would be no room for it
      from.set(partition, tail.nextOf(partition)!);
    }
    return from;
  }

  /** Until Kafka is lost, the topic turns out to be another one, or we are asked to stop. */
  async function session(kafka: Kafka, until: Until): Promise<void> {
    const { failed, fail } = failure();
    const said = JSON.stringify(users.shape);
    const schemas = schemasOf(users.shape?.registry);
    const reader = users.shape ? readerOf(parseShape(users.shape), schemas?.decode) : undefined;
    bounds = await kafka.endOffsets(topic);
    if (bounds.some(({ partition, end }) => (tail.nextOf(partition) ?? 0) > end)) tail.clear(); // it was made anew
    let since = Number.POSITIVE_INFINITY;
    const consumption = await kafka.consume({
      topic,
      group: `tributary-serve-${randomUUID()}`, // of nobody else: each serve reads every partition
      fetchBytes: FETCH_BYTES,
      beside: reader?.beside ?? [],
      assigned: async (partitions) => {
        bounds = await kafka.endOffsets(topic);
        const from = starts(partitions);
        since = Date.now();
        follows();
        return from;
      },
      rebalancing: () => undefined,
      fetched: async (batch) => {
        await schemas?.prepare(schemaIdsIn(batch.messages));
        freshness.reached(ahead.take(batch, since, Date.now(), reader));
      },
    });

    let unanswered = 0;
    let looking = false;
    const look = async () => {
      if (++unanswered > SILENT_LOOKS) waits("Kafka does not answer");
      if (JSON.stringify(users.shape) !== said) return fail(otherMap);
      if (looking) return;
      looking = true;
      try {
        const before = new Map(bounds.map(({ partition }) => [partition, tail.nextOf(partition)]));
        bounds = await kafka.endOffsets(topic);
        unanswered = 0;
        for (const { partition, end } of bounds) {
          const next = before.get(partition) ?? 0;
          if (next <= end) continue;
          const what = `it ends at ${end - 1}, and ${next} is next: it was made anew`;
          fail(new AppError("OFFSETS_LOST", { what, topic, partition }));
        }
        if (since !== Number.POSITIVE_INFINITY && !isRegistryAway) follows();
        if (lag() > 2 * MOST_AHEAD) consumption.reassign(); // there is no room for what lies in between
      } catch {
        // the broker is away: the looks are counted
      } finally {
        looking = false;
      }
    };
    const lookingAgain = setInterval(() => void look(), LOOK_MS);
    try {
      await Promise.race([failed, consumption.failed, until.stopped]);
    } finally {
      clearInterval(lookingAgain);
    }
  }

  return {
    status: () => ({
      following: {
        state: reason === null ? "following" : "waiting",
        reason,
        topic,
        ...ahead.counts,
        held: tail.held,
        leftOut: tail.leftOut,
        lag: lag(),
      },
      freshness: freshness.latency(),
    }),
    async run(until) {
      await Promise.race([users.wasRead, until.stopped]);
      while (!until.signal.aborted) {
        let kafka: Kafka | undefined;
        try {
          kafka = await open();
          await session(kafka, until);
        } catch (error) {
          if (error === otherMap) log.info({ topic }, otherMap.message);
          else if (!until.signal.aborted) waits(reasonOf(error));
        } finally {
          await kafka?.close();
        }
        await sleep(RETRY_MS, until.signal);
      }
    },
  };
}

/** Answers know what the table knows. */
export function noTopic(topic: string): Following {
  const nothing = { taken: 0, unknown: 0, old: 0, refused: 0, filtered: 0, held: 0, leftOut: 0, lag: 0 };
  const following = { state: "off", reason: null, topic, ...nothing } as const;
  const freshness = { p50: null, p95: null, max: null, events: 0 };
  return { status: () => ({ following, freshness }), run: async ({ stopped }) => stopped };
}

/** What kafkajs says of its own errors is fit to be read, but for one that everybody meets. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError) return String(error.facts.what ?? error.message);
  const { type, cause, message } = error as { type?: string; cause?: { type?: string }; message?: string };
  if ([type, cause?.type].includes("UNKNOWN_TOPIC_OR_PARTITION")) return "Kafka has no such topic yet";
  return message ?? String(error);
}
