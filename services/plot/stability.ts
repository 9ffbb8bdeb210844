// The paper's figure of stability: NDCG@100 of single validation users over epochs, and how far all users move from one epoch to the next. Pure: numbers to a Vega-Lite figure.
import type { TopLevelSpec } from "vega-lite";
import { permutation } from "../../shared/model/draws.ts";
import { dashes, fraction, ink, look, palette, WIDTH } from "./look.ts";

export interface EpochOfUsers {
  readonly epoch: number;
  readonly ndcg: ReadonlyMap<string, number>;
}

export interface Stability {
  /** Value of each drawn user, and of the mean over all, by epoch. */
  readonly lines: readonly { readonly epoch: number; readonly user: string; readonly ndcg: number }[];
  readonly means: readonly { readonly epoch: number; readonly ndcg: number }[];
  /** Mean over users, who stand in both epochs, of the absolute change since the epoch before. */
  readonly changes: readonly { readonly epoch: number; readonly change: number }[];
  readonly drawn: readonly string[];
  /** Users of the newest epoch. */
  readonly users: number;
}

/** At most `count` users, drawn by the seed among those who stand in every epoch, or, where there are none, in the newest. */
export function usersOf(epochs: readonly EpochOfUsers[], count: number, seed: number): Stability {
  const newest = [...epochs.at(-1)!.ndcg.keys()].sort();
  const steady = newest.filter((user) => epochs.every(({ ndcg }) => ndcg.has(user)));
  const candidates = steady.length > 0 ? steady : newest;
  const drawn = [...permutation(seed, 0, candidates.length).subarray(0, count)].map((k) => candidates[k]!);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
  return {
    drawn,
    users: newest.length,
    lines: epochs.flatMap(({ epoch, ndcg }) => drawn.flatMap((user) => (ndcg.has(user) ? [{ epoch, user, ndcg: ndcg.get(user)! }] : []))),
    means: epochs.map(({ epoch, ndcg }) => ({ epoch, ndcg: mean([...ndcg.values()]) })),
    changes: epochs.slice(1).flatMap(({ epoch, ndcg }, k) => {
      const before = epochs[k]!.ndcg;
      const changes = [...ndcg].flatMap(([user, value]) => (before.has(user) ? [Math.abs(value - before.get(user)!)] : []));
      return changes.length > 0 ? [{ epoch, change: mean(changes) }] : [];
    }),
  };
}

export function stabilityFigure({ lines, means, changes, drawn, users }: Stability): TopLevelSpec {
  const overall = changes.reduce((sum, { change }) => sum + change / changes.length, 0);
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
          color: { field: "user", type: "nominal", scale: { domain: names, range: palette }, legend: { columns: 3, labelLimit: 150 } },
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
        `mean absolute change of a user's NDCG@100 from epoch to epoch: ${fraction(overall)}`,
      ],
    },
    vconcat: [single, movement],
  } as TopLevelSpec;
}
