// The paper's figure of stability: NDCG@100 of single validation users over epochs, and how far all users move from one
// epoch to the next. Pure: numbers to a Vega-Lite figure.
import type { TopLevelSpec } from "vega-lite";
import { meanChange, type Stability } from "../../../shared/judging/stability.ts";
import { dashes, fraction, ink, look, palette, WIDTH } from "../../../shared/plots/style.ts";

export function stabilityFigure({ lines, means, changes, drawn, users }: Stability): TopLevelSpec {
  const names = drawn.map((user) => `user ${user}`);
  const domain = [means[0]!.epoch, means.at(-1)!.epoch];
  const x = {
    field: "epoch",
    type: "quantitative",
    title: null,
    axis: { tickMinStep: 1, format: "d" },
    scale: { domain, nice: false },
  } as const;
  const single: object = {
    width: WIDTH,
    height: 300,
    layer: [
      {
        data: { values: means },
        mark: { type: "line", strokeWidth: 5, color: ink.faint },
        encoding: { x, y: { field: "ndcg", type: "quantitative" } },
      },
      {
        data: { values: lines.map((line) => ({ ...line, user: `user ${line.user}` })) },
        mark: { type: "line", strokeWidth: 1.6 },
        encoding: {
          x,
          y: { field: "ndcg", type: "quantitative", title: "NDCG@100 of one user", scale: { zero: true } },
          color: {
            field: "user",
            type: "nominal",
            scale: { domain: names, range: palette },
            legend: { columns: 3, labelLimit: 150 },
          },
          strokeDash: { field: "user", type: "nominal", scale: { domain: names, range: dashes } },
        },
      },
    ],
  };
  const movement: object = {
    width: WIDTH,
    height: 130,
    data: { values: changes },
    mark: { type: "line", strokeWidth: 2, color: ink.model },
    encoding: {
      x: { ...x, title: "outer epoch" },
      y: {
        field: "change",
        type: "quantitative",
        title: ["mean absolute change", "of all users"],
        axis: { tickCount: 4 },
        scale: { zero: true },
      },
    },
  };
  return {
    config: look,
    title: {
      text: "How steady single users are",
      subtitle: [
        `${drawn.length} of ${users} validation users; the broad grey line is the mean of all`,
        `mean absolute change of a user's NDCG@100 from epoch to epoch: ${fraction(meanChange(changes))}`,
      ],
    },
    vconcat: [single, movement],
  } as TopLevelSpec;
}
