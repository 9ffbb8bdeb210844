// How all figures look: of one width, told apart by dash and shape as well as by colour, so that they survive a black
// and white printer. Drawn by `plot` and the benchmark.
import type { Config } from "vega-lite";

export const WIDTH = 640;

/** Colours that people with any kind of colour vision tell apart (Okabe and Ito 2008). */
export const ink = { model: "#0072B2", reference: "#6b6b6b", accent: "#D55E00", faint: "#d9d9d9" } as const;
export const palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7a5195"];
export const dashes = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [4, 4],
  [10, 4],
  [1, 3],
  [12, 3, 3, 3],
];

export const look: Config = {
  background: "white",
  padding: 16,
  font: "Helvetica, Arial, sans-serif",
  title: {
    anchor: "start",
    fontSize: 16,
    fontWeight: 600,
    subtitleFontSize: 12,
    subtitleColor: "#444",
    subtitlePadding: 6,
    offset: 14,
  },
  axis: {
    gridColor: "#e6e6e6",
    domainColor: "#888",
    tickColor: "#888",
    labelColor: "#333",
    titleColor: "#222",
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titlePadding: 8,
  },
  // A long stroke, so that a dash can be told from another.
  legend: {
    labelFontSize: 12,
    symbolType: "stroke",
    symbolStrokeWidth: 2,
    symbolSize: 1100,
    orient: "top",
    direction: "horizontal",
    title: null,
  },
  view: { stroke: null },
  concat: { spacing: 22 },
};

/** .421, not 0.421. */
export const fraction = (value: number) => value.toFixed(4).replace(/^(-?)0\./, "$1.");
