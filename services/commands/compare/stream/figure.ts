// Curves along a stream: recall@20 and NDCG@100 of each contestant with a band of two standard errors. Pure: a report
// to a Vega-Lite figure.
import type { TopLevelSpec } from "vega-lite";
import type { Metric } from "../../../../shared/judging/standing.ts";
import { dashes, look, palette, WIDTH } from "../../../../shared/plots/style.ts";
import { type ContestantName, contestant } from "./contestants.ts";
import type { Report } from "./report.ts";

/** As many as there are colours; of more, nobody tells one from another. */
const first: readonly ContestantName[] = [
  ...(["served", "popular-now", "co-visits", "continuous", "gaussian", "retrained", "frozen", "ease"] as const),
];
const titles: Readonly<Record<Metric, string>> = { recall: "recall@20", ndcg: "NDCG@100" };

export function curvesFigure({ contestants, curve, stream, pace }: Report): TopLevelSpec {
  const known = contestants.map(({ name }) => name);
  const shown = [...first.filter((name) => known.includes(name)), ...known.filter((name) => !first.includes(name))];
  const drawn = shown.slice(0, palette.length);
  const series = drawn.map((name) => contestant(name).title);
  const scale = (range: readonly unknown[]) => ({ domain: series, range: range.slice(0, series.length) });
  const panel = (metric: Metric, isLast: boolean): object => {
    const values = curve
      .filter(({ arrivals }) => arrivals > 0)
      .flatMap(({ to, places }) =>
        drawn.flatMap((name) => {
          const { mean, standardError } = places[name]![metric];
          if (Number.isNaN(mean)) return [];
          const band = { low: mean - 2 * standardError, high: mean + 2 * standardError };
          return [{ to, series: contestant(name).title, value: mean, ...band }];
        }),
      );
    const x = {
      field: "to",
      type: "quantitative",
      title: isLast ? "events" : null,
      scale: { zero: true, nice: false },
    };
    const legend = { columns: 2, symbolOpacity: 1 };
    const color = { field: "series", type: "nominal", scale: scale(palette), legend };
    return {
      ...{ width: WIDTH, height: 240, data: { values } },
      layer: [
        {
          mark: { type: "area", opacity: 0.15 },
          encoding: {
            ...{ x, color },
            ...{ y: { field: "low", type: "quantitative", title: titles[metric] }, y2: { field: "high" } },
          },
        },
        {
          mark: { type: "line", strokeWidth: 2 },
          encoding: {
            ...{ x, color },
            y: { field: "value", type: "quantitative", title: titles[metric] },
            strokeDash: { field: "series", type: "nominal", scale: scale(dashes), legend },
          },
        },
      ],
    };
  };
  return {
    config: { ...look, legend: { ...look.legend, labelLimit: 500 } },
    title: {
      text: "Each arrival ranked before it is learned from",
      subtitle:
        `${stream.name}: ${stream.events.toLocaleString("en-US")} events, ${pace.rate.toLocaleString("en-US")} a ` +
        "second; bands of two standard errors",
    },
    vconcat: [panel("recall", false), panel("ndcg", true)],
  } as TopLevelSpec;
}
