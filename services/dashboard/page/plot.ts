// A chart's canvas: uPlot made from the settings of a chart and the lines that there are, and the arrays that it draws.
import uPlot from "uplot";
import type { History, Series } from "../history.ts";
import { clock } from "./elements.ts";
import { smoothed, stacked } from "./lines.ts";

export interface Line {
  /** Of the history's section. */
  readonly column: string;
  readonly name: string;
  /** Name of the CSS variable of its colour; its soft twin ends in -soft. */
  readonly colour: string;
  /** Lengths of strokes and gaps, px: lines differ without colour too. */
  readonly dash?: readonly number[];
  readonly isFilled?: boolean;
  /** Its own scale at the right side. */
  readonly isRight?: boolean;
  /** What others are measured by: without marks. */
  readonly isReference?: boolean;
  /** Column of its standard error: the 95 % interval is shaded. */
  readonly error?: string;
}

export interface ChartSettings {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** What the plot says while it has no value. */
  readonly empty: string;
  readonly section: keyof History;
  /** Rows further apart than this, ms, are not joined. */
  readonly gap?: number;
  /** The lines of what is to be drawn; `leftOut` of the same kind are not. */
  readonly lines: (table: Series) => { readonly lines: readonly Line[]; readonly leftOut?: number };
  readonly scale: "from zero" | "near" | "log";
  /** Each line stands on the one before. */
  readonly isStacked?: boolean;
  /** Marks each value: for series with minutes between them. */
  readonly isMarked?: boolean;
  write(value: number | null): string;
  tick(value: number): string;
  /** Steps between ticks, where powers of ten read badly. */
  readonly steps?: number[];
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const font = () => `${innerWidth < 2000 ? 11 : 13}px ${getComputedStyle(document.body).fontFamily}`;
/** Half of a 95 % interval, in standard errors. */
const HALF = 1.96;

/**
 * Intervals lie lowest, then the lines as measured where they are smoothed, then the lines. `smoothing` in ms, 0 for
 * none.
 */
export function drawnOf(
  { isStacked, scale }: ChartSettings,
  lines: readonly Line[],
  table: Series,
  smoothing: number,
): uPlot.AlignedData {
  const none = table.at.map(() => null);
  const pile = (columns: (number | null)[][]) => (isStacked ? stacked(columns) : columns);
  const drawable = (column: (number | null)[]) =>
    scale === "log" ? column.map((value) => (value !== null && value > 0 ? value : null)) : column;
  const measured = lines.map(({ column }) => drawable(table.columns[column] ?? none));
  const edges = lines.flatMap(({ column, error }) => {
    if (error === undefined) return [];
    const shifted = (by: number) =>
      none.map((_, row) => {
        const [value = null, deviation = null] = [table.columns[column]?.[row], table.columns[error]?.[row]];
        return value === null || deviation === null ? null : value + by * deviation;
      });
    return [shifted(HALF), shifted(-HALF)];
  });
  if (smoothing === 0) return [table.at, ...edges, ...lines.map(() => none), ...pile(measured)];
  return [
    table.at,
    ...edges,
    ...pile(measured),
    ...pile(measured.map((column) => smoothed(table.at, column, smoothing))),
  ];
}

export function makePlot(
  host: HTMLElement,
  settings: ChartSettings,
  lines: readonly Line[],
  bounds: () => [number, number],
  read: (plot: uPlot) => void,
): uPlot {
  const { scale, isStacked } = settings;
  const errors = lines.filter(({ error }) => error !== undefined);
  const first = 1 + 2 * errors.length + lines.length; // of the lines themselves
  const range: uPlot.Scale.Range = (_, low, high) => rangeOf(low, high, scale);
  return new uPlot(
    {
      width: Math.max(host.clientWidth, 200),
      height: Math.max(host.clientHeight, 100),
      ms: 1,
      legend: { show: false },
      // as wide as an axis at the right: one time, one place
      padding: [8, lines.some(({ isRight }) => isRight) ? 0 : 40, 0, 0],
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: "time", scales: ["x", null] },
        points: { size: 7, show: (plot, k) => (k >= first ? pointOf(plot, k) : (undefined as unknown as HTMLElement)) },
      },
      scales: {
        x: { time: true, range: bounds },
        y: { range, ...(scale === "log" ? { distr: 3 } : {}) },
        right: { range },
      },
      axes: [
        axis({
          space: 76,
          size: 26,
          values: (_, at, __, ___, step) => at.map((t) => (t > 1e6 ? clock(t, step < 60_000) : "")),
        }),
        ...valueAxes(settings, lines),
      ],
      series: [
        {},
        ...errors.flatMap(({ isRight }) => [edge(isRight), edge(isRight)]),
        ...lines.map((line) => seriesOf(line, settings, "behind")),
        ...lines.map((line, k) => seriesOf(isStacked && k > 0 ? { ...line, isFilled: false } : line, settings, "line")),
      ],
      bands: [
        ...errors.map(({ colour }, k) => ({
          series: [2 * k + 1, 2 * k + 2] as [number, number],
          fill: () => css(`${colour}-soft`),
        })),
        ...(isStacked
          ? lines.slice(1).map(({ colour }, k) => ({
              series: [first + k + 1, first + k] as [number, number],
              fill: () => css(`${colour}-soft`),
            }))
          : []),
      ],
      hooks: { setCursor: [read], setData: [read] },
    },
    [[], ...Array.from({ length: first - 1 + lines.length }, () => [])] as uPlot.AlignedData,
    host,
  );
}

/** uPlot's own point, in the line's colour. */
function pointOf(plot: uPlot, k: number): HTMLElement {
  const point = document.createElement("div");
  point.className = "u-cursor-pt";
  const stroke = plot.series[k]!.stroke;
  point.style.background = typeof stroke === "function" ? String(stroke(plot, k)) : "";
  return point;
}

function rangeOf(low: number | null, high: number | null, scale: ChartSettings["scale"]): [number, number] {
  if (low === null || high === null) return scale === "log" ? [0.1, 1] : [0, 1];
  if (scale === "log") return [10 ** Math.floor(Math.log10(low) - 0.05), 10 ** Math.ceil(Math.log10(high) + 0.05)];
  const span = high - low || Math.abs(high) || 1;
  return scale === "from zero"
    ? [Math.min(0, low), Math.max(high, 0) + (high > 0 ? high * 0.12 : 10)]
    : [low - span * 0.12, high + span * 0.12];
}

const hasValues = (plot: uPlot) => plot.data.slice(1).some((line) => line?.some((value) => value !== null));

function axis(more: uPlot.Axis): uPlot.Axis {
  return {
    stroke: () => css("--muted"),
    grid: { stroke: () => css("--grid"), width: 1 },
    ticks: { show: false },
    font: font(),
    gap: 6,
    ...more,
  };
}

function valueAxes({ tick, steps, scale }: ChartSettings, lines: readonly Line[]): uPlot.Axis[] {
  const isPower = (value: number) => Number.isInteger(Number(Math.log10(value).toFixed(6)));
  const common: uPlot.Axis = {
    size: 52,
    space: 30,
    values: (plot, at) =>
      at.map((value) => (hasValues(plot) && (scale !== "log" || isPower(value)) ? tick(value) : "")),
    ...(steps ? { incrs: steps } : {}),
  };
  const right = lines.find((line) => line.isRight);
  if (!right) return [axis({ ...common, scale: "y" })];
  const coloured = (line: Line) => ({ stroke: () => css(line.colour) });
  const left = lines.find((line) => !line.isRight)!;
  return [
    axis({ ...common, scale: "y", ...coloured(left) }),
    axis({ ...common, scale: "right", side: 1, size: 40, grid: { show: false }, ...coloured(right) }),
  ];
}

/** There is room for a mark at each value. */
const isSparse: uPlot.Series.Points.Show = ({ bbox }, _, from, to) => bbox.width / devicePixelRatio > 9 * (to - from);

/** Of an interval: not drawn itself. */
const edge = (isRight = false): uPlot.Series => ({
  scale: isRight ? "right" : "y",
  width: 0,
  points: { show: false },
  spanGaps: true,
});

function seriesOf(
  { name, colour, dash, isFilled, isRight, isReference }: Line,
  { isMarked, isStacked }: ChartSettings,
  layer: "behind" | "line",
): uPlot.Series {
  const isBehind = layer === "behind";
  return {
    label: name,
    scale: isRight ? "right" : "y",
    stroke: () => css(colour),
    width: isBehind || isStacked ? 1 : 1.8,
    alpha: isBehind ? 0.35 : 1,
    spanGaps: Boolean(isMarked),
    ...(dash && !isBehind ? { dash: [...dash] } : {}),
    ...(isFilled && !isBehind ? { fill: () => css(`${colour}-soft`) } : {}),
    points:
      isMarked && !isBehind && !isReference ? { show: isSparse, size: 5, fill: () => css(colour) } : { show: false },
  };
}
