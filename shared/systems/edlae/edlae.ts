// EDLAE (Steck 2020), full rank: EASE whose items are dropped from what it learns from, in closed form. Shape: I items.
// Source: docs/design/baselines.md#edlae. P = (X'X + lambda 1 + p / (1 - p) diag(X'X))^-1, weights_ij = -P_ij / P_jj
// with a diagonal of zeros, scores = X weights. With p = 0 it is EASE.
import { z } from "zod";
import { overBoth } from "../benchmarked.ts";
import { byInverse, itemToItem } from "../item-to-item.ts";
import { solved } from "../solved.ts";

/** Its usual settings are what MovieLens-1M's validation users liked best of a few. */
export const edlae = solved({
  title: "EDLAE",
  ...itemToItem,
  settings: {
    lambda: { rule: z.number().positive(), usual: 500, help: "regularisation" },
    dropout: {
      rule: z.number().min(0).lt(1),
      usual: 0.33,
      help: "share of a user's items that are dropped, as it were, over and over",
    },
  },
  fit: (fitting) => byInverse(fitting, "EDLAE", (users_I) => ridgeOf(fitting.config, users_I)),
  grid: {
    source:
      "Steck 2020: dropout of a third and near it; lambda as EASE wants it, which dropout takes the place of in part",
    isSeeded: false,
    flags: [],
    settings: overBoth("lambda", "dropout", [500, 0.33], [1000, 0.33], [200, 0.33], [500, 0.2], [500, 0.5]),
  },
});

/** An item that many users have is held tighter: dropping it by chance adds a variance that grows with them. */
export const ridgeOf = (
  { lambda, dropout }: { readonly lambda: number; readonly dropout: number },
  users_I: Float64Array,
): Float64Array => users_I.map((users) => lambda + (dropout / (1 - dropout)) * users);
