// The dashboard's memory: tables of columns over time, as wide as there is to tell. Bounded; the page extends its copy in the same way. Pure.

/** Columns over time; null where a column was not measured. */
export interface Series {
  /** ms since 1970, ascending. */
  readonly at: number[];
  readonly columns: Record<string, (number | null)[]>;
}

export interface History {
  /** Rates, lag, times, norms, memory: see sample.ts. */
  readonly samples: Series;
  /** The loss of each round of training. */
  readonly rounds: Series;
  readonly evaluations: Series;
  /** The prequential curve. */
  readonly arrivals: Series;
}

/** Ms from one sample to the next. */
export const sampleEvery = 5000;

/** 24 hours of samples; of the others as many as the services themselves remember, and some more. */
const bounds: Record<keyof History, number> = { samples: 17_280, rounds: 4000, evaluations: 4000, arrivals: 20_000 };
/** Columns of a table. Trainers come and go, each with columns of its own: those that ended first are forgotten first. */
const mostColumns = 200;

const emptySeries = (): Series => ({ at: [], columns: {} });
export const emptyHistory = (): History => ({
  samples: emptySeries(),
  rounds: emptySeries(),
  evaluations: emptySeries(),
  arrivals: emptySeries(),
});

const sections = Object.keys(bounds) as (keyof History)[];

export const isEmpty = (history: History): boolean => sections.every((section) => history[section].at.length === 0);

/** Appends in place and drops the oldest beyond the bounds. */
export function extend(history: History, news: History): void {
  for (const section of sections) append(history[section], news[section], bounds[section]);
}

function append(series: Series, { at, columns }: Series, bound: number): void {
  if (at.length === 0) return;
  const before = series.at.length;
  for (const name of Object.keys(columns)) series.columns[name] ??= Array<number | null>(before).fill(null);
  series.at.push(...at);
  for (const [name, column] of Object.entries(series.columns)) for (const k of at.keys()) column.push(columns[name]?.[k] ?? null);
  const over = series.at.length - bound;
  if (over > 0) for (const list of [series.at, ...Object.values(series.columns)]) list.splice(0, over);
  forget(series);
}

function forget({ at, columns }: Series): void {
  const lastOf = (column: readonly (number | null)[]) => column.findLastIndex((value) => value !== null);
  const names = Object.keys(columns);
  if (names.length <= mostColumns) {
    for (const name of names) if (at.length > 0 && columns[name]![0] === null && lastOf(columns[name]!) < 0) delete columns[name];
    return;
  }
  const ended = names.map((name) => ({ name, last: lastOf(columns[name]!) })).sort((a, b) => a.last - b.last);
  for (const { name } of ended.slice(0, names.length - mostColumns)) delete columns[name];
}

/** The rows before `before` as means over `every` ms: what a page of a thousand pixels needs of a day. */
export function thinned({ at, columns }: Series, before: number, every: number): Series {
  const groups: [from: number, to: number][] = [];
  for (const [k, time] of at.entries()) {
    const group = groups.at(-1);
    const isSame = group && time < before && Math.floor(at[group[0]]! / every) === Math.floor(time / every);
    if (isSame) group[1] = k + 1;
    else groups.push([k, k + 1]);
  }
  const mean = (column: readonly (number | null)[], from: number, to: number) => {
    const known = column.slice(from, to).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((a, b) => a + b) / known.length;
  };
  return {
    at: groups.map(([, to]) => at[to - 1]!),
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [name, groups.map(([from, to]) => mean(column, from, to))]),
    ),
  };
}
