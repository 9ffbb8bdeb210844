// How a report's figures are written, and its table for the terminal. Pure.
import { aligned } from "../../../shared/picture/columns.ts";
import { bytes, count, duration } from "../../../shared/picture/figures.ts";
import { fraction } from "../../../shared/figures/look.ts";
import type { Summary } from "../../../shared/ranking/metrics.ts";
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
export const figure = (of: Summary | undefined): string => (of ? `${fraction(of.mean)} ± ${fraction(of.standardError)}` : dash);
export const time = (seconds: number | null): string => (seconds !== null && seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds));
export const memory = (n: number | null): string => (n !== null && n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : bytes(n));
export const number = count;

/** < .001, .032 */
export const probability = (p: number): string => (p < 0.001 ? "< .001" : p.toFixed(3).replace(/^0/, ""));

/** The chosen values, such as "gamma .005"; all of them stand in report.json. */
export const settingOf = ({ chosen }: Row): string => chosen ?? dash;

export function tableOf({ rows }: Report): string {
  const head = ["", ...Object.values(metricTitles), "time", "memory", "setting"];
  const lines = rows.map((row) => {
    if (!row.test) return [row.title, dash, dash, dash, dash, dash, row.why ?? dash];
    const figures = (Object.keys(metricTitles) as Metric[]).map((metric) => figure(row.test?.[metric]));
    return [row.title, ...figures, time(row.seconds), memory(row.peakMemoryBytes), settingOf(row)];
  });
  return aligned([head, ...lines]);
}
