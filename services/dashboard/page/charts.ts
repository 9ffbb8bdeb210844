// What the charts show: one description each, in the order in which data flows.

import { activities } from "../../../shared/health/facts/training.ts";
import { bytes, count, duration, elapsed, loss, rate, ratio } from "../../../shared/health/views/figures.ts";
import type { Series } from "../history.ts";
import { below } from "./lines.ts";
import type { ChartSettings, Line } from "./plot.ts";

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const secondSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
/** Of samples: a dashboard that did not run, or a service that did not answer. */
const gap = 90_000;
const dashes = [[], [7, 3], [2, 2], [9, 3, 2, 3], [5, 5], [1, 4]];
const colours = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];

const fixed = (...lines: Line[]) => ({ lines: () => ({ lines }) });
const tickRatio = (value: number) => (value === 0 ? "0" : ratio(value).replace(/\.?0+$/, ""));
const tickBytes = (value: number) => `${compact.format(value)}B`;
const plain = { write: count, tick: (value: number) => compact.format(value) };
const ratios = { write: ratio, tick: tickRatio, scale: "from zero", isMarked: true } as const;

/** A line for each column below `prefix:`, behind those of `first`. */
const oneEach = (prefix: string, name: (key: string) => string, first: readonly Line[] = []) => ({
  lines: (table: Series) => {
    const { shown, leftOut } = below(table, prefix, colours.length - first.length);
    const each = shown.map((column, k): Line => {
      const at = first.length + k;
      return { column, name: name(column.slice(prefix.length + 1)), colour: colours[at]!, dash: dashes[at]! };
    });
    return { lines: [...first, ...each], leftOut };
  },
});

/** What is served is set beside on arrivals: one line each, without marks. */
const beside = (column: string, name: string, colour: string, dash: readonly number[]): Line => ({
  ...{ column, name, colour, dash, isReference: true },
});

const popularity = (metric: string, name: string, more: Partial<Line> = {}): Line => ({
  ...{ column: `popularity:${metric}`, name, colour: "--reference", dash: [6, 5], isReference: true },
  ...more,
});

/** Each arrival ranked before it is learned, by what is served and by what that is made of and held against. */
const arrivals = (id: string, title: string, metric: string): ChartSettings => ({
  ...{ id, title, unit: "ranked before it is learned", empty: "waiting for arrivals after a first model" },
  section: "arrivals",
  ...fixed(
    { column: metric, name: "Served", colour: "--line-1" },
    { column: `alone:${metric}`, name: "Model alone", colour: "--line-2", dash: [7, 3] },
    beside(`popularNow:${metric}`, "popular now", "--line-3", [9, 3, 2, 3]),
    beside(`popularThen:${metric}`, "popular then", "--line-4", [2, 3]),
    beside(`coVisits:${metric}`, "co-visits", "--line-5", [5, 5]),
    popularity(metric, "popularity"),
  ),
  ...ratios,
  isMarked: false,
});

export const charts: readonly ChartSettings[] = [
  {
    ...{
      id: "events",
      title: "Events",
      unit: "per second",
      empty: "waiting for ingest",
      section: "samples",
      gap,
      scale: "from zero",
    },
    ...fixed(
      { column: "events:in", name: "In", colour: "--line-1", isFilled: true },
      { column: "events:consumed", name: "Consumed", colour: "--line-2", dash: [7, 3] },
    ),
    ...{ write: rate, tick: plain.tick },
  },
  {
    ...{
      id: "lag",
      title: "Lag",
      unit: "messages not yet in the table",
      empty: "waiting for ingest",
      section: "samples",
      gap,
    },
    ...oneEach("lag", (key) => `Partition ${key}`, [
      { column: "lag", name: "All", colour: "--line-1", isFilled: true },
    ]),
    ...{ scale: "from zero", ...plain },
  },
  {
    ...{
      id: "step",
      title: "Step time",
      unit: "of a trainer in a step, from the bottom up",
      empty: "waiting for a step",
      section: "samples",
      gap,
    },
    ...fixed(
      ...activities.map(
        (activity): Line => ({ column: `step:${activity}`, name: activity, colour: `--${activity}`, isFilled: true }),
      ),
    ),
    ...{ scale: "from zero", isStacked: true, write: elapsed, tick: elapsed },
  },
  {
    ...{
      id: "loss",
      title: "Loss",
      unit: "nats per user",
      empty: "waiting for the first round of training",
      section: "rounds",
    },
    ...fixed(
      { column: "reconstruction", name: "Reconstruction", colour: "--line-1" },
      { column: "kl", name: "KL", colour: "--line-2", dash: [7, 3], isRight: true },
    ),
    ...{ scale: "near", isMarked: true, write: loss, tick: plain.tick },
  },
  {
    ...{
      id: "norms",
      title: "Norms",
      unit: "gradient and update, log scale",
      empty: "waiting for the first update",
      section: "samples",
      gap,
    },
    ...fixed(
      { column: "norm:gradient", name: "Gradient", colour: "--line-1" },
      { column: "norm:update", name: "Update", colour: "--line-2", dash: [7, 3] },
    ),
    ...{ scale: "log", write: significant, tick: significant },
  },
  {
    ...{
      id: "ndcg",
      title: "NDCG@100",
      unit: "held-out users, 95 % interval",
      empty: "waiting for the first evaluation",
      section: "evaluations",
    },
    ...fixed(
      { column: "ndcg@100", name: "Model", colour: "--line-1", error: "ndcg@100:se" },
      popularity("ndcg@100", "Popularity"),
    ),
    ...ratios,
  },
  {
    ...{
      id: "recall",
      title: "Recall",
      unit: "held-out users, 95 % interval",
      empty: "waiting for the first evaluation",
      section: "evaluations",
    },
    ...fixed(
      { column: "recall@50", name: "@50", colour: "--line-1", error: "recall@50:se" },
      { column: "recall@20", name: "@20", colour: "--line-2", dash: [7, 3], error: "recall@20:se" },
      popularity("recall@50", "popularity @50"),
      popularity("recall@20", "popularity @20", { dash: [2, 3] }),
    ),
    ...ratios,
  },
  arrivals("prequential", "What arrives: Recall@20", "recall@20"),
  arrivals("prequential-ndcg", "What arrives: NDCG@100", "ndcg@100"),
  {
    ...{
      id: "freshness",
      title: "Freshness",
      unit: "how old is what the model knows",
      empty: "waiting for the first published model",
    },
    ...{ section: "samples" as const, gap },
    ...fixed(
      { column: "freshness", name: "Behind the events", colour: "--line-1", isFilled: true },
      { column: "freshness:p95", name: "Event to model, p95", colour: "--line-2", dash: [7, 3] },
      { column: "freshness:answer", name: "Event to answer, p95", colour: "--line-3", dash: [2, 2] },
      { column: "freshness:table", name: "Event to table, p95", colour: "--line-4", dash: [9, 3, 2, 3] },
      { column: "freshness:gradient", name: "Event to gradient, p95", colour: "--line-5", dash: [5, 5] },
    ),
    ...{ scale: "from zero", write: shortTime, tick: duration, steps: secondSteps },
  },
  {
    ...{
      id: "wire",
      title: "Wire",
      unit: "bytes per second",
      empty: "waiting for the parameter server",
      section: "samples",
      gap,
    },
    ...fixed(
      { column: "wire:sent", name: "Sent", colour: "--line-1" },
      { column: "wire:received", name: "Received", colour: "--line-2", dash: [7, 3] },
      { column: "wire:memory", name: "By shared memory", colour: "--line-3", dash: [2, 2] },
    ),
    ...{ scale: "from zero", write: (value) => (value === null ? "–" : `${bytes(value)}/s`), tick: tickBytes },
  },
  {
    ...{
      id: "memory",
      title: "Memory",
      unit: "resident, each trainer",
      empty: "waiting for a trainer",
      section: "samples",
      gap,
    },
    ...oneEach("memory", (pid) => `Process ${pid}`),
    ...{ scale: "from zero", write: bytes, tick: tickBytes },
  },
  {
    ...{
      id: "tensors",
      title: "Live tensors",
      unit: "on the engine, each trainer",
      empty: "waiting for a trainer",
      section: "samples",
      gap,
    },
    ...oneEach("tensors", (pid) => `Process ${pid}`),
    ...{ scale: "from zero", ...plain },
  },
];

/** Answers change within milliseconds, models within minutes. */
function shortTime(seconds: number | null): string {
  return seconds !== null && seconds < 10 ? elapsed(seconds) : duration(seconds);
}

function significant(value: number | null): string {
  if (value === null) return "–";
  return value >= 1e4 ? compact.format(value) : String(Number(value.toPrecision(3)));
}
