// `bench serve`: the real serve process with a published model of any size, asked in a closed loop by 1, 8 and 64
// clients, by one for all that a list can be asked, and how long it takes to start.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveModel } from "../../../shared/checkpoints/checkpoints.ts";
import { publish } from "../../../shared/checkpoints/models.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { serveStatus } from "../../../shared/health/status/serve.ts";
import { discover } from "../../../shared/http/registry.ts";
import { initialise } from "../../../shared/neural/parameters.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { type Spawned, spawnService } from "../../../shared/runtime/spawn.ts";
import { defaults, recipeOf } from "../../../shared/systems/recvae/settings.ts";
import { closedLoop, type Question, quantile } from "./closed-loop.ts";
import type { Figure } from "./figures.ts";
import { longTailedRow } from "./rows.ts";

interface Size {
  readonly items: number;
  readonly perUser: number;
  /** Each number of clients is measured for so long. */
  readonly seconds: number;
}

export interface ServeFigures {
  /** What it computes on. */
  readonly device: string;
  readonly coldStartSeconds: readonly number[];
  readonly loops: readonly ({ readonly clients: number } & Answers)[];
  /** Of one client that asks for more than the best items. */
  readonly options: readonly ({ readonly what: string } & Answers)[];
}

interface Answers {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
  /** Processor time of the serve process for a request, all its threads, ms. */
  readonly cpuMs: number;
}

const SEED = 1337;
const STARTS = 3;
const CLIENTS = [1, 8, 64];
const WARM_UP_MS = 1_000;
/** Histories that are asked about in turn. */
const HISTORIES = 500;

export async function serveFigures(size: Size, until: Until): Promise<ServeFigures> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-serve-"));
  try {
    await publishModel(dir, size.items);
    const coldStartSeconds: number[] = [];
    for (let k = 1; k < STARTS; k++) coldStartSeconds.push(await withServe(dir, until, async (_, seconds) => seconds));
    return await withServe(dir, until, async (url, seconds) => {
      coldStartSeconds.push(seconds);
      const device = await deviceOf(url);
      const loops = [];
      for (const clients of CLIENTS) loops.push({ clients, ...(await measure(url, size, plain(size), clients)) });
      const options = [];
      for (const [what, questions] of Object.entries(optionsOf(size)))
        options.push({ what, ...(await measure(url, size, questions, 1)) });
      return { device, coldStartSeconds, loops, options };
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export function serveLines({ coldStartSeconds, loops, options }: ServeFigures): Figure[] {
  const middle = [...coldStartSeconds].sort((a, b) => a - b)[coldStartSeconds.length >> 1]!;
  const figures: Figure[] = [
    {
      name: `cold start, spawn to /ready (median of ${coldStartSeconds.length})`,
      value: middle,
      unit: "s",
      limit: { is: "at most", value: 2 },
    },
  ];
  for (const { clients, requestsPerSecond, p50, p99, cpuMs, failures } of loops) {
    const named = (what: string) => `${clients} client${clients === 1 ? "" : "s"}: ${what}`;
    figures.push(
      {
        name: named("answers"),
        value: requestsPerSecond,
        unit: "/s",
        ...(clients === 64 ? { limit: { is: "at least", value: 1_000 } } : {}),
      },
      { name: named("p50"), value: p50, unit: "ms", ...(clients === 1 ? { limit: { is: "at most", value: 3 } } : {}) },
      { name: named("p99"), value: p99, unit: "ms" },
      { name: named("processor time of an answer"), value: cpuMs, unit: "ms" },
      { name: named("failures"), value: failures, unit: "", limit: { is: "at most", value: 0 } },
    );
  }
  for (const { what, p50, p99, cpuMs, failures } of options) {
    figures.push(
      { name: `1 client, ${what}: p50`, value: p50, unit: "ms", limit: { is: "at most", value: 5 } },
      { name: `1 client, ${what}: p99`, value: p99, unit: "ms" },
      { name: `1 client, ${what}: processor time of an answer`, value: cpuMs, unit: "ms" },
      { name: `1 client, ${what}: failures`, value: failures, unit: "", limit: { is: "at most", value: 0 } },
    );
  }
  return figures;
}

/** An untrained model: its arithmetic is that of a trained one. */
async function publishModel(dir: string, items: number): Promise<void> {
  const config = { ...defaults, items };
  const facts = {
    config,
    step: 1,
    round: 1,
    midRound: false,
    seed: SEED,
    salt: "",
    tableVersion: 0,
    watermark: 0,
    createdAt: 0,
  };
  const checkpoint = join(dir, "checkpoint");
  const vocabulary = Array.from({ length: items }, (_, column) => itemOf(column));
  await saveModel(checkpoint, initialise(recipeOf(config), SEED), facts, vocabulary);
  await publish(pathsOf(dir).models, checkpoint, {});
  const rows = vocabulary.map(
    (item, k) => `${item},${1930 + (k % 90)},genre ${k % 18},${k % 7 === 0},${(k % 997) / 10}`,
  );
  writeFileSync(join(dir, ITEMS), ["item,year,genre,adult,price", ...rows, ""].join("\n"));
}

const ITEMS = "items.csv";
const itemOf = (column: number) => String(100_000 + column);

async function withServe<T>(
  dir: string,
  until: Until,
  body: (url: string, coldStartSeconds: number) => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const serve = spawnService("serve", ["--data-dir", dir, "--http-port", "0", "--items-table", join(dir, ITEMS)], {
    threads: 1,
    quiet: true,
  });
  try {
    const url = await ready(dir, serve, until);
    return await body(url, (performance.now() - startedAt) / 1000);
  } finally {
    await serve.stop();
  }
}

async function ready(dir: string, serve: Spawned, until: Until): Promise<string> {
  while (serve.running && !until.signal.aborted) {
    const entry = discover(pathsOf(dir).run).find(({ pid }) => pid === serve.child.pid);
    if (entry && (await fetch(`${entry.url}/ready`)).ok) return entry.url;
    await sleep(5, until.signal);
  }
  throw new AppError("SERVICE_DIED", { what: "serve ended before it was measured", service: "serve" });
}

/** Histories with whatever else is asked, of each user. */
const asking = ({ items, perUser }: Size, of: (user: number) => object): Question[] =>
  Array.from({ length: HISTORIES }, (_, user) => ({
    path: "/v1/recommend",
    body: JSON.stringify({ items: Array.from(longTailedRow(user, perUser, items), itemOf), k: 10, ...of(user) }),
  }));

const plain = (size: Size) => asking(size, () => ({}));

/** What a list can be asked. */
function optionsOf(size: Size): Record<string, Question[]> {
  const { items } = size;
  const some = (user: number, most: number) =>
    Array.from({ length: Math.min(most, items) }, (_, k) => itemOf((user * 7919 + k * 2) % items));
  const similar = Array.from({ length: HISTORIES }, (_, user) => ({
    path: `/v1/similar?item=${itemOf((user * 7919) % items)}&k=10`,
  }));
  return {
    "a filter": asking(size, () => ({ filters: { year: { min: 1990 }, genre: ["genre 1", "genre 2"], adult: false } })),
    "a filter of each user": asking(size, (user) => ({ filters: { price: { max: 20 + user / 10 } } })),
    "1,000 candidates": asking(size, (user) => ({ candidates: some(user, 1000) })),
    "10,000 excluded": asking(size, (user) => ({ exclude: some(user, 10_000) })),
    diversity: asking(size, () => ({ diversity: 0.3 })),
    "diversity, k 100": asking(size, () => ({ diversity: 0.3, k: 100 })),
    "similar items": similar,
  };
}

async function measure(
  url: string,
  { seconds }: Size,
  questions: readonly Question[],
  clients: number,
): Promise<Answers> {
  const load = { url, questions, clients };
  await closedLoop({ ...load, forMs: WARM_UP_MS });
  const before = await cpuSeconds(url);
  const { failures, latencies } = await closedLoop({ ...load, forMs: 1000 * seconds });
  const cpuMs = (1000 * ((await cpuSeconds(url)) - before)) / latencies.length;
  return {
    requestsPerSecond: latencies.length / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    failures,
    cpuMs,
  };
}

async function deviceOf(url: string): Promise<string> {
  return serveStatus.pick({ device: true }).parse(await (await fetch(`${url}/status`)).json()).device;
}

/** Of the serve process so far. */
async function cpuSeconds(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tributary_process_cpu_seconds_total\S* (\S+)$/m.exec(text)?.[1]);
}
