// One chart: title, unit, legend with live values, the lines over the time that all charts share. Hover or the arrow
// keys read values in all at once; CSV takes them along.
import type uPlot from "uplot";
import type { History, Series } from "../history.ts";
import { clock, find, make, write } from "./elements.ts";
import { csvOf, cut } from "./lines.ts";
import { type ChartSettings, drawnOf, type Line, makePlot } from "./plot.ts";

export interface View {
  /** ms since 1970: both ends of the time axis. */
  readonly from: number;
  readonly to: number;
  /** Time constant, ms; 0 for none. */
  readonly smoothing: number;
}

export interface Chart {
  draw(history: History, view: View): void;
}

export function makeChart(host: HTMLElement, settings: ChartSettings): Chart {
  const when = make("span", "when", settings.unit);
  const legend = make("ul", "legend");
  const plot = make("div", "plot");
  const empty = make("p", "nothing");
  empty.hidden = true; // until the first answer nobody knows
  const csv = make("button", "csv", "CSV");
  csv.type = "button";
  csv.setAttribute("aria-label", `Download ${settings.title} as CSV`);
  const caption = make("figcaption", "", make("h3", "", settings.title), when, csv, legend);
  const figure = make("figure", "card chart", caption, make("div", "frame", plot, empty));
  figure.id = `chart-${settings.id}`;
  host.append(figure);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-roledescription", "chart");

  let bounds: [number, number] = [0, 1];
  let lines: readonly Line[] = [];
  let shown: Series = { at: [], columns: {} };
  let readings: HTMLElement[] = [];
  let chart: uPlot | undefined;
  const read = (u: uPlot) => {
    const hovered = u.cursor.idx ?? null;
    const row = hovered ?? shown.at.length - 1;
    write(when, hovered === null ? settings.unit : clock(shown.at[row] ?? 0));
    for (const [k, { column }] of lines.entries())
      write(readings[k]!, settings.write(shown.columns[column]?.[row] ?? null));
  };
  const rebuild = (next: readonly Line[], leftOut: number) => {
    chart?.destroy();
    lines = next;
    readings = lines.map(() => make("span", "reading", "–"));
    const rest = leftOut > 0 ? [make("li", "remark", `${leftOut} lower ones are not drawn`)] : [];
    legend.replaceChildren(
      ...lines.map((line, k) => make("li", "", swatchOf(line), make("span", "name", line.name), readings[k]!)),
      ...rest,
    );
    chart = makePlot(plot, settings, lines, () => bounds, read);
  };
  new ResizeObserver(() => chart?.setSize({ width: plot.clientWidth, height: plot.clientHeight })).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart?.redraw(false));
  plot.addEventListener(
    "keydown",
    (event) => chart && moveCursor(chart, event, (row) => spoken(settings, lines, shown, row)),
  );
  plot.addEventListener("blur", () => chart && place(chart));
  csv.addEventListener("click", () => download(`tributary-${settings.id}.csv`, csvOf(shown, lines)));

  return {
    draw: (history, { from, to, smoothing }) => {
      bounds = [from, to];
      const all = history[settings.section];
      shown = cut(all, from, to, settings.gap);
      const { lines: next, leftOut = 0 } = settings.lines(shown);
      const keyOf = (all: readonly Line[]) => all.map(({ column, dash }) => `${column} ${dash}`).join();
      if (!chart || keyOf(next) !== keyOf(lines)) rebuild(next, leftOut);
      empty.hidden = lines.some(({ column }) => column in shown.columns);
      const nothing = lines.some(({ column }) => column in all.columns) ? "nothing in the time shown" : settings.empty;
      write(empty, nothing);
      csv.disabled = !empty.hidden;
      chart!.setData(drawnOf(settings, lines, shown, smoothing));
      const values = lines.map(({ name }, k) => `${name} ${readings[k]!.textContent}`).join(", ");
      const said = empty.hidden ? values : nothing;
      const label = `${settings.title}, ${settings.unit}: ${said}. Arrow keys read earlier values.`;
      if (document.activeElement !== plot) plot.setAttribute("aria-label", label);
    },
  };
}

/** A piece of the line as it is drawn. */
function swatchOf({ colour, dash }: Line): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const [swatch, stroke] = [document.createElementNS(space, "svg"), document.createElementNS(space, "path")];
  swatch.setAttribute("class", "swatch");
  swatch.setAttribute("viewBox", "0 0 24 4");
  swatch.setAttribute("aria-hidden", "true");
  swatch.style.setProperty("--colour", `var(${colour})`);
  stroke.setAttribute("d", "M0 2h24");
  if (dash) stroke.setAttribute("stroke-dasharray", dash.join(" "));
  swatch.append(stroke);
  return swatch;
}

function moveCursor(chart: uPlot, event: KeyboardEvent, speak: (row: number) => string): void {
  const times = chart.data[0];
  const last = times.length - 1;
  if (event.key === "Escape") place(chart);
  if ((event.key !== "ArrowLeft" && event.key !== "ArrowRight") || last < 0) return;
  event.preventDefault();
  const at = chart.cursor.idx ?? last + 1;
  const next = Math.min(last, Math.max(0, at + (event.key === "ArrowLeft" ? -1 : 1)));
  place(chart, chart.valToPos(times[next]!, "x"));
  write(find("reading"), speak(next));
}

/** As a mouse would, so that all other charts follow; off them without `left`, px. */
function place({ over }: uPlot, left?: number): void {
  const { x, y } = over.getBoundingClientRect();
  const at = { clientX: x + (left ?? 0), clientY: y + 10 };
  over.dispatchEvent(new MouseEvent(left === undefined ? "mouseleave" : "mousemove", at));
}

function spoken({ write: text }: ChartSettings, lines: readonly Line[], { at, columns }: Series, row: number): string {
  return (
    `${clock(at[row] ?? 0)}: ` +
    `${lines.map(({ name, column }) => `${name} ${text(columns[column]?.[row] ?? null)}`).join(", ")}`
  );
}

function download(name: string, text: string): void {
  const link = make("a", "");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
