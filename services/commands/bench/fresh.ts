// `bench fresh`: everything as `up` runs it, training included, and the seconds from an event to an answer of serve
// that knows of it, asked from outside; beside them what the services say of each stage up to the published model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../../shared/errors/errors.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import type { RecommendAnswer } from "../../../shared/recommending/requests.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { type Spawned, spawnService } from "../../../shared/runtime/spawn.ts";
import { quantile } from "./closed-loop.ts";
import type { Figure } from "./figures.ts";
import { type Between, flowNow, type Quantiles, type Stages, stagesBetween, timed } from "./fresh-stages.ts";
import { forgetOtherKafkas } from "./kafka.ts";

interface Size {
  /** Events a second. */
  readonly rate: number;
  readonly trainers: number;
  /** Asked for so long, from the first published model on. */
  readonly seconds: number;
}

export interface FreshFigures {
  /** Seconds. */
  readonly changed: { readonly p50: number; readonly p95: number; readonly max: number; readonly probes: number };
  /** Probes whose answer had not changed in time. */
  readonly missed: number;
  /** What the services timed meanwhile, by marked events: seconds, as exact as the buckets of their histograms. */
  readonly stages: Stages;
  /** What lies between: rounds and evaluations that ended meanwhile. */
  readonly between: Between;
}

const TOPIC = "interactions";
const LOOK_MS = 5;
const BETWEEN_MS = 100;
/** An answer that has not changed by then never will. */
const PATIENCE_MS = 10_000;
const DRAIN_MS = 60_000;
/** What `up` sends ahead of its stream is learned by then. */
const SETTLE_MS = 20_000;

export async function freshFigures(size: Size, until: Until): Promise<FreshFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-fresh-"));
  forgetOtherKafkas();
  const flags = { rate: size.rate, trainers: size.trainers, port: 0, "data-dir": dir };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const up = spawnService("up", args, { log: join(dir, "up.log") });
  let kafka: Kafka | undefined;
  try {
    const url = await published(dir, up, until);
    kafka = await openNearest({ dataDir: dir }, createLog("bench"));
    await sleep(SETTLE_MS, until.signal);
    const before = await timed(dir);
    const latencies: number[] = [];
    let missed = 0;
    const end = performance.now() + 1000 * size.seconds;
    for (let probe = 0; performance.now() < end && !until.signal.aborted; probe++) {
      const seconds = await changed(kafka, url, `probe-${probe}`);
      if (seconds === undefined) missed++;
      else latencies.push(seconds);
      await sleep(BETWEEN_MS, until.signal);
    }
    const ascending = Float64Array.from(latencies).sort();
    return {
      changed: {
        p50: quantile(ascending, 0.5),
        p95: quantile(ascending, 0.95),
        max: quantile(ascending, 1),
        probes: latencies.length + missed,
      },
      missed,
      ...stagesBetween(before, await timed(dir)),
    };
  } finally {
    await kafka?.close();
    await up.stop(DRAIN_MS);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Where serve listens, once it answers with a model and follows the topic. */
async function published(dir: string, up: Spawned, until: Until): Promise<string> {
  while (up.running && !until.signal.aborted) {
    const { serve } = await flowNow(dir);
    if (serve?.status?.model && serve.status.following?.state === "following") return serve.process.url;
    await sleep(500, until.signal);
  }
  throw new AppError("SERVICE_DIED", { what: "`up` ended before it had published a model", service: "up" });
}

/**
 * Seconds from the moment at which an event of a known user is sent to the first answer without its item, which led the
 * list before. Undefined where that never came.
 */
async function changed(kafka: Kafka, url: string, user: string): Promise<number | undefined> {
  const send = (item: string) =>
    kafka.produce(TOPIC, [{ key: user, value: JSON.stringify({ user, item, timestamp: Date.now() }) }]);
  const [first] = await listed(url, { items: [] });
  await send(first!);
  const before = await when(async () => {
    const list = await listed(url, { user });
    return list.length > 0 && !list.includes(first!) ? list : undefined;
  });
  if (!before) return undefined;
  const sentAt = performance.now();
  const sending = send(before[0]!);
  const seen = await when(async () => !(await listed(url, { user })).includes(before[0]!) || undefined);
  const seconds = (performance.now() - sentAt) / 1000;
  await sending;
  return seen && seconds;
}

async function when<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(LOOK_MS)) {
    const found = await ask();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The best ten; none for somebody who is unknown. */
async function listed(url: string, whom: { readonly items: readonly string[] } | { readonly user: string }) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/recommend`, { method: "POST", headers, body: JSON.stringify(whom) });
  if (!response.ok) return [];
  return ((await response.json()) as RecommendAnswer).items.map(({ item }) => item);
}

export function freshLines({ changed, missed, stages, between }: FreshFigures): Figure[] {
  const quantiles = (name: string, count: number, { p50, p95 }: Quantiles, most?: number): Figure[] => [
    { name: `${name}, p50 of ${count}`, value: p50, unit: "s" },
    {
      ...{ name: `${name}, p95`, value: p95, unit: "s" },
      ...(most === undefined ? {} : { limit: { is: "at most", value: most } }),
    },
  ];
  const stage = (name: string, { events, ...times }: Stages[keyof Stages], most?: number) =>
    quantiles(`event to ${name}`, events, times, most);
  const { rounds, evaluations, parts } = between;
  return [
    ...quantiles("event to changed answer", changed.probes, changed, 1),
    { name: "event to changed answer, longest", value: changed.max, unit: "s" },
    { name: "never changed", value: missed, unit: "", limit: { is: "at most", value: 0 } },
    ...stage("answer, by serve's clock", stages.answer),
    ...stage("table", stages.table),
    ...stage("first gradient", stages.gradient),
    ...stage("published model", stages.published, 10),
    ...quantiles("a round of training", rounds.count, rounds),
    ...quantiles("an evaluation", evaluations.count, evaluations),
    ...Object.entries(parts).flatMap(([part, times]) => quantiles(`of it ${part}`, times.count, times)),
  ];
}
