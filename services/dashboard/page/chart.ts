// One chart: title, unit, legend with live values, a line per series over the shared time axis. Hover or the arrow keys read values in all charts at once.
import uPlot from "uplot";
import { clock, make, write } from "./elements.ts";

interface Line {
  readonly name: string;
  /** Name of the CSS variable of its colour; its soft twin ends in -soft. */
  readonly colour: string;
  readonly filled?: boolean;
  readonly dashed?: boolean;
  /** Marks each value: for series with minutes between them. */
  readonly marked?: boolean;
  /** Its own scale at the right side. */
  readonly right?: boolean;
}

export interface ChartSettings {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** What the plot says while it has no value. */
  readonly empty: string;
  readonly lines: readonly Line[];
  readonly fromZero: boolean;
  write(value: number | null): string;
  tick(value: number): string;
  /** Steps between ticks, where powers of ten read badly. */
  readonly steps?: number[];
}

export interface Chart {
  /** times in ms, one array of values per line; `from` and `to` bound the time axis. */
  draw(times: number[], values: (number | null)[][], from: number, to: number): void;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const font = () => `${innerWidth < 2000 ? 11 : 13}px ${getComputedStyle(document.body).fontFamily}`;

export function makeChart(host: HTMLElement, settings: ChartSettings): Chart {
  const when = make("span", "when", settings.unit);
  const values = settings.lines.map(() => make("span", "reading", "–"));
  const legend = settings.lines.map(({ name, colour, dashed }, k) => {
    const swatch = make("span", dashed ? "swatch dashed" : "swatch");
    swatch.style.setProperty("--colour", `var(${colour})`);
    return make("li", "", swatch, make("span", "name", name), values[k]!);
  });
  const plot = make("div", "plot");
  const empty = make("p", "nothing", settings.empty);
  empty.hidden = true; // until the first answer nobody knows
  const caption = make("figcaption", "", make("h3", "", settings.title), when, make("ul", "legend", ...legend));
  const figure = make("figure", "card chart", caption, make("div", "frame", plot, empty));
  figure.id = `chart-${settings.id}`;
  host.append(figure);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-roledescription", "chart");

  let bounds: [number, number] = [0, 1];
  const read = (u: uPlot) => {
    const shown = u.cursor.idx ?? u.data[0].length - 1;
    const hovering = u.cursor.idx !== null && u.cursor.idx !== undefined;
    write(when, hovering ? clock(u.data[0][shown] ?? 0) : settings.unit);
    values.forEach((node, k) => {
      const line = (u.data[k + 1] ?? []) as (number | null | undefined)[];
      const value = hovering ? line[shown] : line.findLast((v) => v !== null && v !== undefined);
      write(node, settings.write(value ?? null));
    });
  };
  const chart = new uPlot(
    {
      width: 300,
      height: 200,
      ms: 1,
      legend: { show: false },
      padding: [8, settings.lines.some(({ right }) => right) ? 0 : 34, 0, 0], // as wide as an axis at the right: one time, one place
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "time", scales: ["x", null] }, points: { size: 7 } },
      scales: {
        x: { time: true, range: () => bounds },
        y: { range: (_, low, high) => rangeOf(low, high, settings.fromZero) },
        right: { range: (_, low, high) => rangeOf(low, high, settings.fromZero) },
      },
      axes: [
        axis({ space: 76, size: 26, values: (_, at, __, ___, step) => at.map((t) => (t > 1e6 ? clock(t, step < 60_000) : "")) }),
        ...valueAxes(settings),
      ],
      series: [{}, ...settings.lines.map(seriesOf)],
      hooks: { setCursor: [read], setData: [read] },
    },
    [[], ...settings.lines.map(() => [])],
    plot,
  );
  new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height: plot.clientHeight })).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw(false));
  plot.addEventListener("keydown", (event) => moveCursor(chart, event));
  plot.addEventListener("blur", () => chart.setCursor({ left: -10, top: -10 }));

  return {
    draw: (times, columns, from, to) => {
      bounds = [from, to];
      // Points left of the axis are dropped but for the nearest, which carries its line to the edge.
      const first = Math.max(0, times.findIndex((at) => at >= from) - 1);
      const shown = columns.map((column) => column.slice(first));
      empty.hidden = shown.some((column) => column.some((value) => value !== null));
      chart.setData([times.slice(first), ...shown]);
      const texts = settings.lines.map(({ name }, k) => `${name} ${values[k]!.textContent}`).join(", ");
      const label = `${settings.title} in ${settings.unit}: ${empty.hidden ? texts : settings.empty}. Arrow keys read earlier values.`;
      if (document.activeElement !== plot) plot.setAttribute("aria-label", label);
    },
  };
}

function rangeOf(low: number | null, high: number | null, fromZero: boolean): [number, number] {
  if (low === null || high === null) return [0, 1];
  const span = high - low || Math.abs(high) || 1;
  return fromZero ? [0, Math.max(high, 0) + (high > 0 ? high * 0.12 : 10)] : [low - span * 0.12, high + span * 0.12];
}

const hasValues = (u: uPlot) => u.data.slice(1).some((line) => line?.some((value) => value !== null));

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

function valueAxes({ lines, tick, steps }: ChartSettings): uPlot.Axis[] {
  const common: uPlot.Axis = {
    size: 50,
    space: 30,
    values: (u, at) => at.map((value) => (hasValues(u) ? tick(value) : "")),
    ...(steps ? { incrs: steps } : {}),
  };
  const right = lines.find((line) => line.right);
  if (!right) return [axis({ ...common, scale: "y" })];
  const coloured = (line: Line) => ({ stroke: () => css(line.colour) });
  const left = lines.find((line) => !line.right)!;
  return [
    axis({ ...common, scale: "y", ...coloured(left) }),
    axis({ ...common, scale: "right", side: 1, size: 34, grid: { show: false }, ...coloured(right) }),
  ];
}

function seriesOf({ name, colour, filled, dashed, marked, right }: Line): uPlot.Series {
  return {
    label: name,
    scale: right ? "right" : "y",
    stroke: () => css(colour),
    width: dashed ? 1.5 : 2,
    spanGaps: Boolean(marked || dashed),
    ...(dashed ? { dash: [6, 5] } : {}),
    ...(filled ? { fill: () => css(`${colour}-soft`) } : {}),
    points: marked ? { show: true, size: 6, fill: () => css(colour) } : { show: false },
  };
}

function moveCursor(chart: uPlot, event: KeyboardEvent): void {
  const last = chart.data[0].length - 1;
  if (event.key === "Escape") chart.setCursor({ left: -10, top: -10 });
  if ((event.key !== "ArrowLeft" && event.key !== "ArrowRight") || last < 0) return;
  event.preventDefault();
  const at = chart.cursor.idx ?? last + 1;
  const next = Math.min(last, Math.max(0, at + (event.key === "ArrowLeft" ? -1 : 1)));
  chart.setCursor({ left: chart.valToPos(chart.data[0][next]!, "x"), top: 10 });
  const texts = chart.series.slice(1).map(({ label }, k) => `${label} ${chart.data[k + 1]?.[next] ?? "none"}`);
  chart.root.parentElement?.setAttribute("aria-label", `${clock(chart.data[0][next]!)}: ${texts.join(", ")}`);
}
