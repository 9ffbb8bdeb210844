// Prequential curves: recall@20 and NDCG@100 over a sliding window of events, each scored by the model published before
// it came, popularity since ever beside, and where they were measured what is popular now, and co-visits. Pure: numbers
// to a Vega-Lite figure.
import type { TopLevelSpec } from "vega-lite";
import { ink, look, palette, WIDTH } from "../../../shared/plots/style.ts";

interface Quality {
  readonly recall: number;
  readonly ndcg: number;
}

export interface Window {
  /** Arrival of the window's newest event, ms since 1970. */
  readonly at: number;
  readonly events: number;
  readonly users: number;
  /** The published model that scored the newest event. */
  readonly version: string;
  readonly model: Quality;
  readonly popularity: Quality;
  /** Of runs since they are measured. */
  readonly popularNow?: Quality | undefined;
  readonly popularThen?: Quality | undefined;
  readonly coVisits?: Quality | undefined;
}

const panels = [
  ["recall", "recall@20"],
  ["ndcg", "NDCG@100"],
] as const;

/** Windows in the order of time. */
export function prequentialFigure(windows: readonly Window[]): TopLevelSpec {
  const newest = windows.at(-1)!;
  const models = new Set(windows.map(({ version }) => version)).size;
  const span = newest.at - windows[0]!.at;
  const format = span > 2 * 86_400_000 ? "%d %b" : span > 20 * 60_000 ? "%H:%M" : "%H:%M:%S";
  const shown = lines.filter(({ of }) => windows.some((window) => window[of]));
  const series = shown.map(({ name }) => name);
  const panel = ([key, title]: (typeof panels)[number], k: number): object => ({
    width: WIDTH,
    height: 190,
    data: {
      values: windows.flatMap((window) =>
        shown.map(({ of, name }) => ({ at: window.at, value: window[of]?.[key] ?? null, series: name })),
      ),
    },
    mark: { type: "line", strokeWidth: 2 },
    encoding: {
      x: {
        field: "at",
        type: "temporal",
        scale: { type: "utc" },
        title: k === panels.length - 1 ? "arrival of the window's newest event (UTC)" : null,
        axis: { format, labelOverlap: true },
      },
      y: { field: "value", type: "quantitative", title, scale: { zero: true } },
      color: { field: "series", type: "nominal", scale: { domain: series, range: shown.map(({ colour }) => colour) } },
      strokeDash: {
        field: "series",
        type: "nominal",
        scale: {
          domain: series,
          range: shown.map(({ dash }) => dash),
        },
      },
    },
  });
  return {
    config: look,
    title: {
      text: "Each event scored before it is learned from",
      subtitle:
        `sliding windows, the newest of ${newest.events.toLocaleString("en-US")} events of ` +
        `${newest.users.toLocaleString("en-US")} users; ${models} published ${models === 1 ? "model" : "models"}`,
    },
    vconcat: panels.map(panel),
  } as TopLevelSpec;
}

const lines = [
  { of: "model", name: "published model", colour: ink.model, dash: [1, 0] },
  { of: "popularity", name: "popularity", colour: ink.reference, dash: [6, 4] },
  { of: "popularNow", name: "popular now", colour: palette[1]!, dash: [8, 3, 2, 3] },
  { of: "popularThen", name: "popular now, as known to the model", colour: palette[1]!, dash: [2, 2] },
  { of: "coVisits", name: "co-visits", colour: palette[2]!, dash: [4, 4] },
] as const;
