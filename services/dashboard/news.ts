// What one look at the services adds to the history. Pure.
import { type Flow, freshnessOf } from "../../shared/picture/statuses.ts";
import type { History } from "./history.ts";

/** What `flow` adds to `history`: the services repeat their last rounds in every answer, only newer ones count. */
export function newsOf(history: History, flow: Flow): History {
  const after = (list: readonly { at: number }[]) => list.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  const [lossAfter, evaluationAfter] = [after(history.losses), after(history.evaluations)];
  return {
    samples: [{ at: flow.now, freshness: freshnessOf(flow), lag: flow.ingest?.status?.lag?.messages ?? null }],
    losses: (flow.server?.status?.lossHistory ?? []).flatMap(({ at, reconstruction, kl }) =>
      at > lossAfter && reconstruction !== null && kl !== null ? [{ at, reconstruction, kl }] : [],
    ),
    evaluations: (flow.evaluator?.status?.evaluations ?? []).flatMap(({ at, model, popularity }) => {
      const ndcg = model?.["ndcg@100"] ?? null;
      return at > evaluationAfter && ndcg !== null ? [{ at, model: ndcg, popularity: popularity?.["ndcg@100"] ?? null }] : [];
    }),
  };
}
