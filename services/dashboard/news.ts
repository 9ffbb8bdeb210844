// What one look at the services adds to the history. Pure.
import type { Flow } from "../../shared/health/facts/flow.ts";
import { references } from "../../shared/judging/window.ts";
import type { History, Series } from "./history.ts";
import type { Sample } from "./sample.ts";

/**
 * Of each section the times of the rows that services have told of, as they told them: the history may have moved its
 * own.
 */
export type Told = Partial<Readonly<Record<Repeated, ReadonlySet<number>>>>;
type Repeated = Exclude<keyof History, "samples">;

/**
 * Rounds, evaluations and arrivals repeat themselves in every answer: news is what was not told before, by whatever
 * clock; at first what comes after the history's newest. `sample` is null while none is due.
 */
export function newsOf(history: History, flow: Flow, sample: Sample | null, told: Told = {}): History {
  const rows = rowsOf(flow);
  const unknown = (section: Repeated) => {
    const before = told[section];
    const newest = history[section].at.at(-1) ?? Number.NEGATIVE_INFINITY;
    return table(rows[section].filter(({ at }) => (before ? !before.has(at) : at > newest)));
  };
  return {
    samples: table(sample ? [{ at: flow.now, ...sample }] : []),
    rounds: unknown("rounds"),
    evaluations: unknown("evaluations"),
    arrivals: unknown("arrivals"),
  };
}

/** What has been told after this look. A service that says nothing, or begins anew, has told what it told. */
export function toldAfter(told: Told, flow: Flow): Told {
  const after = Object.entries(rowsOf(flow)).map(([section, rows]) => {
    const before = told[section as Repeated];
    if (rows.every(({ at }) => before?.has(at))) return [section, before] as const;
    const isLong = (before?.size ?? 0) > 3 * rows.length + MOST_FORGOTTEN;
    return [section, new Set([...(isLong ? [] : (before ?? [])), ...rows.map(({ at }) => at)])] as const;
  });
  return Object.fromEntries(after.filter(([, times]) => times !== undefined));
}

/** Times of rows that a service tells of no more. */
const MOST_FORGOTTEN = 20_000;

function rowsOf(flow: Flow): Record<Repeated, readonly Row[]> {
  const evaluator = flow.evaluator?.status;
  return {
    rounds: (flow.server?.status?.lossHistory ?? []).map(({ at, reconstruction, kl }) => ({ at, reconstruction, kl })),
    evaluations: (evaluator?.evaluations ?? []).map(({ at, model, popularity }) => ({
      at,
      ...model,
      ...underName("popularity", popularity),
    })),
    arrivals: (evaluator?.prequential ?? []).map(({ at, popularity, lead, ...point }) => ({
      at,
      ...pairOf(point),
      ...underName("popularity", popularity),
      ...underName("alone", point.alone),
      ...Object.assign({}, ...references.map((name) => underName(name, point[name]))),
      ...Object.assign({}, ...Object.entries(lead ?? {}).map(([name, of]) => underName(`lead:${name}`, of))),
    })),
  };
}

type Row = { readonly at: number } & Sample;
type Pair = Readonly<Record<"recall@20" | "ndcg@100", number | null>>;

const pairOf = ({ "recall@20": recall, "ndcg@100": ndcg }: Pair): Pair => ({ "recall@20": recall, "ndcg@100": ndcg });

const underName = (name: string, figures: Sample | null | undefined) =>
  Object.fromEntries(Object.entries(figures ?? {}).map(([metric, value]) => [`${name}:${metric}`, value]));

function table(news: readonly Row[]): Series {
  const names = new Set(news.flatMap((row) => Object.keys(row).filter((name) => name !== "at" && row[name] !== null)));
  return {
    at: news.map(({ at }) => at),
    columns: Object.fromEntries([...names].map((name) => [name, news.map((row) => row[name] ?? null)])),
  };
}
