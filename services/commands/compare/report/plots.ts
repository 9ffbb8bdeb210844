// The report's plots as Vega-Lite: models told apart by dash and shape as well as by colour. Colours are properties of
// the page, which has them for light and dark. Pure.
import type { Config, TopLevelSpec } from "vega-lite";
import { dashes, look } from "../../../../shared/plots/style.ts";
import type { FigureName } from "./document.ts";
import type { Report } from "./report.ts";
import type { Row } from "./results.ts";

const ink = {
  text: "var(--text)",
  faint: "var(--faint)",
  line: "var(--line)",
  model: "var(--s1)",
  other: "var(--s2)",
} as const;
const shapes = [
  "circle",
  "square",
  "diamond",
  "triangle-up",
  "triangle-down",
  "cross",
  "triangle-right",
  "triangle-left",
];
/** The page has as many, --s1 and so on. */
const COLOURS = 8;

const themed: Config = {
  ...look,
  background: "transparent",
  padding: 4,
  axis: {
    ...look.axis,
    gridColor: ink.line,
    domainColor: ink.faint,
    tickColor: ink.faint,
    labelColor: ink.text,
    titleColor: ink.text,
  },
  legend: { ...look.legend, labelColor: ink.text, columnPadding: 14 },
  header: { labelColor: ink.text, titleColor: ink.text, labelFontSize: 12 },
};

/** `width`: of the plot itself, in pixels. Undefined where the report has nothing to draw. */
export function plotOf(name: FigureName, report: Report, width: number): TopLevelSpec | undefined {
  const spec = draw[name](report, width);
  return spec && ({ config: themed, ...spec } as TopLevelSpec);
}

const draw: Readonly<Record<FigureName, (report: Report, width: number) => object | undefined>> = {
  results: ({ rows }, width) => {
    const tested = rows.filter(({ test }) => test);
    if (tested.length === 0) return undefined;
    const values = tested.map(({ title, test }) => {
      const { mean, standardError } = test!["ndcg@100"];
      return { title, mean, low: mean - 1.96 * standardError, high: mean + 1.96 * standardError };
    });
    const y = {
      field: "title",
      type: "nominal",
      sort: null,
      title: null,
      axis: { labelFontSize: 12, ticks: false, domain: false },
    };
    return {
      width,
      height: { step: 26 },
      data: { values },
      layer: [
        {
          mark: { type: "rule", color: ink.model, strokeWidth: 2 },
          encoding: {
            y,
            x: { field: "low", type: "quantitative", title: "NDCG@100", scale: { zero: false } },
            x2: { field: "high" },
          },
        },
        {
          mark: { type: "point", filled: true, opacity: 1, size: 60, color: ink.model },
          encoding: { y, x: { field: "mean", type: "quantitative" } },
        },
      ],
    };
  },

  learning: ({ rows }, width) => {
    const learned = rows.filter(({ curve }) => curve.length > 1);
    if (learned.length === 0) return undefined;
    return {
      width,
      height: 300,
      data: { values: learned.flatMap(({ title, curve }) => curve.map((point) => ({ title, ...point }))) },
      mark: { type: "line", strokeWidth: 2 },
      encoding: {
        x: {
          field: "epoch",
          type: "quantitative",
          title: "epoch",
          axis: { tickMinStep: 1, format: "d" },
          scale: { nice: false },
        },
        y: validation,
        ...apart(learned, rows, width).lines,
      },
    };
  },

  time: ({ rows }, width) => {
    const learned = rows.filter(({ curve }) => curve.length > 0);
    if (learned.length === 0) return undefined;
    const values = learned.flatMap(({ title, curve }) => bestSoFar(curve).map((point) => ({ title, ...point })));
    const ends = learned.map(({ title, curve }) => ({ title, ...bestSoFar(curve).at(-1)! }));
    const x = {
      field: "seconds",
      type: "quantitative",
      title: "seconds of training",
      scale: { type: "log", nice: false, padding: 12 },
      axis: { format: "~g" },
    };
    const { lines, points } = apart(learned, rows, width);
    return {
      width,
      height: 320,
      layer: [
        {
          data: { values },
          mark: { type: "line", strokeWidth: 2, interpolate: "step-after" },
          encoding: {
            x,
            y: validation,
            color: points.color,
            strokeDash: { ...lines.strokeDash, legend: points.color.legend },
          },
        },
        {
          data: { values: ends },
          mark: { type: "point", filled: true, opacity: 1, size: 90 },
          encoding: { x, y: validation, ...points },
        },
      ],
    };
  },

  stability: ({ stability }, width) => {
    if (stability.length === 0) return undefined;
    const epochs = stability[0]!.of.means.map(({ epoch }) => epoch);
    const domain = [Math.min(...epochs), Math.max(...epochs)];
    const high = Math.max(...stability.flatMap(({ of }) => of.lines.map(({ ndcg }) => ndcg)));
    const isWide = width > 450;
    const panel = isWide ? Math.floor((width - 50) / 2) : width;
    const x = {
      field: "epoch",
      type: "quantitative",
      title: "epoch",
      axis: { tickMinStep: 1, format: "d" },
      scale: { domain, nice: false },
    };
    const users = stability[0]!.of.drawn;
    const single = stability.map(({ prior, of }) => ({
      width: panel,
      height: 220,
      title: { text: prior, color: ink.text, fontSize: 13, offset: 6 },
      layer: [
        {
          data: { values: of.means },
          mark: { type: "line", strokeWidth: 5, color: ink.faint },
          encoding: { x, y: { field: "ndcg", type: "quantitative" } },
        },
        {
          data: { values: of.lines.map(({ user, ...line }) => ({ user: `user ${user}`, ...line })) },
          mark: { type: "line", strokeWidth: 1.6 },
          encoding: {
            x,
            y: { field: "ndcg", type: "quantitative", title: "NDCG@100 of one user", scale: { domain: [0, high] } },
            ...lines(
              users.map((user) => `user ${user}`),
              "user",
              isWide ? 4 : 2,
            ),
          },
        },
      ],
    }));
    const changes = {
      width: isWide ? width : panel,
      height: 150,
      data: { values: stability.flatMap(({ prior, of }) => of.changes.map((change) => ({ prior, ...change }))) },
      mark: { type: "line", strokeWidth: 2 },
      encoding: {
        x,
        y: { field: "change", type: "quantitative", title: "mean absolute change", scale: { zero: true } },
        ...lines(
          stability.map(({ prior }) => prior),
          "prior",
          2,
        ),
      },
    };
    return {
      vconcat: [isWide ? { hconcat: single } : { vconcat: single }, changes],
      resolve: { scale: { color: "independent", strokeDash: "independent" } },
    };
  },
};

const validation = {
  field: "validation",
  type: "quantitative",
  title: "NDCG@100 on validation users",
  scale: { zero: false, nice: true },
};

/** A model has the same colour, dash and shape in every figure: that of its place in the table. */
function apart(drawn: readonly Row[], all: readonly Row[], width: number) {
  const names = drawn.map(({ title }) => title);
  const places = names.map((name) => all.findIndex(({ title }) => title === name));
  return {
    lines: lines(names, "title", width > 450 ? 5 : 2, places),
    points: points(names, "title", width > 450 ? 5 : 3, places),
  };
}

/** How lines of `field` are told apart; `places` are those of the names among all there are. */
function lines(names: readonly string[], field: string, columns: number, places = names.map((_, k) => k)) {
  const legend = { columns, title: null };
  return {
    color: { field, type: "nominal", sort: null, scale: { domain: names, range: places.map(colour) }, legend },
    strokeDash: { field, type: "nominal", sort: null, scale: { domain: names, range: places.map(dash) }, legend },
  };
}

function points(names: readonly string[], field: string, columns: number, places: readonly number[]) {
  const legend = { columns, title: null, symbolSize: 90, symbolStrokeWidth: 0, symbolOpacity: 1 };
  return {
    color: { field, type: "nominal", sort: null, scale: { domain: names, range: places.map(colour) }, legend },
    shape: {
      field,
      type: "nominal",
      sort: null,
      scale: { domain: names, range: places.map(shape) },
      legend,
    },
  };
}

/** The second time around another shape goes with each colour. */
const shape = (place: number) => shapes[(place + 3 * Math.floor(place / COLOURS)) % shapes.length]!;
const colour = (place: number) => `var(--s${(place % COLOURS) + 1})`;
const dash = (place: number) => dashes[(Math.floor(place / COLOURS) * 3 + (place % 3)) % dashes.length]!;

function bestSoFar(curve: Row["curve"]): Row["curve"] {
  let best = Number.NEGATIVE_INFINITY;
  return curve.map((point) => {
    best = Math.max(best, point.validation);
    return { ...point, validation: best };
  });
}
