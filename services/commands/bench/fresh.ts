// `bench fresh`: everything as `up` runs it, training included, and the seconds from an event to an answer of serve
// that knows of it, asked from outside; beside them what the services say of each stage up to the published model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../../shared/errors/errors.ts";
import { askAll } from "../../../shared/health/answers.ts";
import { type Flow, flowOf } from "../../../shared/health/facts/flow.ts";
import type { Stage } from "../../../shared/health/status/freshness.ts";
import type { Kafka } from "../../../shared/kafka/client.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import type { RecommendAnswer } from "../../../shared/recommending/requests.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { type Spawned, spawnService } from "../../../shared/runtime/spawn.ts";
import { quantile } from "./closed-loop.ts";
import type { Figure } from "./figures.ts";

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
  readonly stages: Readonly<Record<Stage, { readonly p50: number; readonly p95: number; readonly events: number }>>;
}

const TOPIC = "interactions";
const LOOK_MS = 5;
const BETWEEN_MS = 100;
/** An answer that has not changed by then never will. */
const PATIENCE_MS = 10_000;
const DRAIN_MS = 60_000;
/** Of each stage, the service that times it. */
const timedBy = { answer: "serve", table: "ingest", gradient: "server", published: "evaluator" } as const;
/** What `up` sends ahead of its stream is learned by then. */
const SETTLE_MS = 20_000;

export async function freshFigures(size: Size, until: Until): Promise<FreshFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-fresh-"));
  for (const name of Object.keys(process.env).filter((name) => /^(TRIBUTARY_)?KAFKA_/.test(name)))
    delete process.env[name]; // its events belong into no topic of others
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
      stages: stagesBetween(before, await timed(dir)),
    };
  } finally {
    await kafka?.close();
    await up.stop(DRAIN_MS);
    rmSync(dir, { recursive: true, force: true });
  }
}

const look = async (dir: string): Promise<Flow> => flowOf(await askAll(pathsOf(dir).run, 2_000), Date.now());

/** Where serve listens, once it answers with a model and follows the topic. */
async function published(dir: string, up: Spawned, until: Until): Promise<string> {
  while (up.running && !until.signal.aborted) {
    const { serve } = await look(dir);
    if (serve?.status?.model && serve.status.following?.state === "following") return serve.process.url;
    await sleep(500, until.signal);
  }
  throw new AppError("SERVICE_DIED", { what: "`up` ended before it had published a model", service: "up" });
}

/** Marked events by stage and bucket of the histogram: bound -> how many took no longer. */
type Timed = ReadonlyMap<Stage, ReadonlyMap<number, number>>;

async function timed(dir: string): Promise<Timed> {
  const { processes } = await look(dir);
  const stages = await Promise.all(
    Object.entries(timedBy).map(async ([stage, service]) => {
      const { url } = processes.find((process) => process.service === service)!;
      const text = await (await fetch(`${url}/metrics`)).text();
      const lines = text.matchAll(/^tributary_freshness_seconds_bucket\{le="([^"]+)",.*\} (\d+)$/gm);
      const buckets = [...lines].map(([, bound, count]) => [Number(bound!.replace("+Inf", "Infinity")), Number(count)]);
      return [stage as Stage, new Map(buckets as [number, number][])] as const;
    }),
  );
  return new Map(stages);
}

function stagesBetween(before: Timed, after: Timed): FreshFigures["stages"] {
  const of = (stage: Stage) => {
    const buckets = [...after.get(stage)!].map(
      ([bound, count]) => [bound, count - (before.get(stage)?.get(bound) ?? 0)] as const,
    );
    return { p50: within(buckets, 0.5), p95: within(buckets, 0.95), events: buckets.at(-1)?.[1] ?? 0 };
  };
  return { answer: of("answer"), table: of("table"), gradient: of("gradient"), published: of("published") };
}

/** The quantile of a histogram, evenly spread within a bucket, as Prometheus has it. */
function within(buckets: readonly (readonly [bound: number, count: number])[], share: number): number {
  const wanted = share * (buckets.at(-1)?.[1] ?? 0);
  let [lower, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= wanted && count > below)
      return Number.isFinite(bound) ? lower + ((bound - lower) * (wanted - below)) / (count - below) : lower;
    [lower, below] = [bound, count];
  }
  return Number.NaN;
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

export function freshLines({ changed, missed, stages }: FreshFigures): Figure[] {
  const stage = (name: string, { p50, p95, events }: FreshFigures["stages"][Stage], most?: number): Figure[] => [
    { name: `event to ${name}, p50 of ${events}`, value: p50, unit: "s" },
    {
      ...{ name: `event to ${name}, p95`, value: p95, unit: "s" },
      ...(most === undefined ? {} : { limit: { is: "at most", value: most } }),
    },
  ];
  return [
    { name: `event to changed answer, p50 of ${changed.probes}`, value: changed.p50, unit: "s" },
    { name: "event to changed answer, p95", value: changed.p95, unit: "s", limit: { is: "at most", value: 1 } },
    { name: "event to changed answer, longest", value: changed.max, unit: "s" },
    { name: "never changed", value: missed, unit: "", limit: { is: "at most", value: 0 } },
    ...stage("answer, by serve's clock", stages.answer),
    ...stage("table", stages.table),
    ...stage("first gradient", stages.gradient),
    ...stage("published model", stages.published, 10),
  ];
}
