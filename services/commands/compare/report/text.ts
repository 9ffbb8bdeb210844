// How a report's figures are written, and its table for the terminal. Pure.
import { aligned } from "../../../../shared/health/views/columns.ts";
import { count, duration } from "../../../../shared/health/views/figures.ts";
import { fraction } from "../../../../shared/plots/style.ts";
import type { Summary } from "../../../../shared/ranking/metrics.ts";
import type { Metric } from "../exam.ts";
import type { Report } from "./report.ts";
import type { Row } from "./results.ts";

/** In the order of the paper's tables. */
export const metricTitles: Readonly<Record<Metric, string>> = {
  "recall@20": "Recall@20",
  "recall@50": "Recall@50",
  "ndcg@100": "NDCG@100",
};

const dash = "–";
/** .4185 ± .0052 */
export const figure = (of: Summary | undefined): string =>
  of ? `${fraction(of.mean)} ± ${fraction(of.standardError)}` : dash;
export const time = (seconds: number | null): string =>
  seconds !== null && seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
export const memory = (n: number | null): string =>
  n === null ? dash : n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.round(n / 1e6)} MB`;
export const number = count;
/** 3,043, 4.4 M */
export const parameters = (n: number | null): string =>
  n !== null && n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : count(n);

/** < .001, .032 */
export const probability = (p: number): string => (p < 0.001 ? "< .001" : p.toFixed(3).replace(/^0/, ""));

/**
 * The chosen setting by its name in the grid, such as "gamma 0.005", of a blend the weight, which its own trial chose;
 * all values stand in report.json.
 */
export const settingOf = ({ chosen, settings }: Row): string =>
  typeof settings?.weight === "number" ? `weight ${settings.weight}` : (chosen ?? dash);

export function tableOf({ rows }: Report): string {
  const head = ["", ...Object.values(metricTitles), "time", "memory", "setting"];
  const lines = rows.map((row) => {
    if (!row.test) return [row.title, dash, dash, dash, dash, dash, row.why ?? dash];
    const figures = (Object.keys(metricTitles) as Metric[]).map((metric) => figure(row.test?.[metric]));
    return [row.title, ...figures, time(row.seconds), memory(row.peakMemoryBytes), settingOf(row)];
  });
  return aligned([head, ...lines]);
}
