// What one look at the services adds to the history. Pure.
import type { Flow } from "../../shared/picture/statuses.ts";
import type { History, Series } from "./history.ts";
import type { Sample } from "./sample.ts";

/** Rounds, evaluations and arrivals repeat themselves in every answer: only those after the history's newest are news. `sample` is null while none is due. */
export function newsOf(history: History, flow: Flow, sample: Sample | null): History {
  const evaluator = flow.evaluator?.status;
  return {
    samples: table(history.samples, sample ? [{ at: flow.now, ...sample }] : []),
    rounds: table(
      history.rounds,
      (flow.server?.status?.lossHistory ?? []).map(({ at, reconstruction, kl }) => ({ at, reconstruction, kl })),
    ),
    evaluations: table(
      history.evaluations,
      (evaluator?.evaluations ?? []).map(({ at, model, popularity }) => ({ at, ...model, ...underName("popularity", popularity) })),
    ),
    arrivals: table(
      history.arrivals,
      (evaluator?.prequential ?? []).map(({ at, popularity, ...model }) => ({
        at,
        ...pairOf(model),
        ...underName("popularity", popularity),
      })),
    ),
  };
}

type Row = { readonly at: number } & Sample;
type Pair = Readonly<Record<"recall@20" | "ndcg@100", number | null>>;

const pairOf = ({ "recall@20": recall, "ndcg@100": ndcg }: Pair): Pair => ({ "recall@20": recall, "ndcg@100": ndcg });

const underName = (name: string, figures: Sample | null) =>
  Object.fromEntries(Object.entries(figures ?? {}).map(([metric, value]) => [`${name}:${metric}`, value]));

/** The rows after the newest of `known`, column by column. */
function table(known: Series, rows: readonly Row[]): Series {
  const after = known.at.at(-1) ?? Number.NEGATIVE_INFINITY;
  const news = rows.filter(({ at }) => at > after);
  const names = new Set(news.flatMap((row) => Object.keys(row).filter((name) => name !== "at" && row[name] !== null)));
  return {
    at: news.map(({ at }) => at),
    columns: Object.fromEntries([...names].map((name) => [name, news.map((row) => row[name] ?? null)])),
  };
}
