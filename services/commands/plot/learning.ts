// How a run learned: NDCG@100 of the validation users by epoch, the loss below it where it is known, popularity as the
// line to beat. Pure: numbers to a Vega-Lite figure.
import type { TopLevelSpec } from "vega-lite";
import { fraction, ink, look, WIDTH } from "../../../shared/plots/style.ts";

interface Point {
  readonly epoch: number;
  /** Undefined without validation users. */
  readonly ndcg: number | undefined;
  readonly popularity?: number | undefined;
  readonly loss?: number | undefined;
  /** Of a continuous run: whether the gate let it pass. */
  readonly published?: boolean;
}

export interface Learning {
  /** What an epoch is called in this kind of run. */
  readonly unit: "epoch" | "round";
  readonly points: readonly Point[];
  readonly best?: number;
}

export function learningFigure({ unit, points, best }: Learning): TopLevelSpec {
  const marked =
    points.find(({ epoch }) => epoch === best) ?? points.reduce((a, b) => ((b.ndcg ?? 0) > (a.ndcg ?? 0) ? b : a));
  const hasPopularity = points.some(({ popularity }) => popularity !== undefined);
  const published = points.filter((point) => point.published).length;
  const subtitle = [
    ...(marked.ndcg === undefined ? [] : [`◆ best: ${fraction(marked.ndcg)} at ${unit} ${marked.epoch}`]),
    ...(hasPopularity ? [`● published: ${published} of ${points.length}`] : []),
  ].join(" · ");
  const x = {
    field: "epoch",
    type: "quantitative",
    title: unit === "epoch" ? "outer epoch" : "round of the continuous run",
    axis: { tickMinStep: 1, format: "d" },
    scale: { nice: false },
  } as const;
  const series = points.flatMap(({ epoch, ndcg, popularity }) => [
    ...(ndcg === undefined ? [] : [{ epoch, value: ndcg, series: "model" }]),
    ...(popularity === undefined ? [] : [{ epoch, value: popularity, series: "popularity" }]),
  ]);
  const losses = points.flatMap(({ epoch, loss }) => (loss === undefined ? [] : [{ epoch, loss }]));
  const names = hasPopularity ? ["model", "popularity"] : ["model"];
  const legend = hasPopularity ? {} : null;
  const quality: object = {
    width: WIDTH,
    height: 280,
    data: { values: series },
    layer: [
      {
        mark: { type: "line", strokeWidth: 2 },
        encoding: {
          x: losses.length > 0 ? { ...x, title: null } : x,
          y: {
            field: "value",
            type: "quantitative",
            title: "NDCG@100 on validation users",
            scale: { zero: false, nice: true },
          },
          color: {
            field: "series",
            type: "nominal",
            scale: { domain: names, range: [ink.model, ink.reference] },
            legend,
          },
          strokeDash: {
            field: "series",
            type: "nominal",
            scale: {
              domain: names,
              range: [
                [1, 0],
                [6, 4],
              ],
            },
            legend,
          },
        },
      },
      ...marks(
        points.filter((point) => point.published),
        { shape: "circle", size: 30, color: ink.model },
      ),
      ...marks([marked], { shape: "diamond", size: 130, color: ink.accent }),
    ],
  };
  const loss: object = {
    width: WIDTH,
    height: 140,
    data: { values: losses },
    mark: { type: "line", strokeWidth: 2, color: ink.accent },
    encoding: { x, y: { field: "loss", type: "quantitative", title: "loss a user (nats)", scale: { zero: false } } },
  };
  return {
    config: look,
    title: { text: "How the model learned", subtitle },
    vconcat: losses.length > 0 ? [quality, loss] : [quality],
  } as TopLevelSpec;
}

/** A layer of symbols on the curve, where there are any. */
function marks(points: readonly Point[], look: object): object[] {
  const values = points.filter(({ ndcg }) => ndcg !== undefined);
  if (values.length === 0) return [];
  const encoding = { x: { field: "epoch", type: "quantitative" }, y: { field: "ndcg", type: "quantitative" } };
  return [{ data: { values }, mark: { type: "point", filled: true, opacity: 1, ...look }, encoding }];
}
