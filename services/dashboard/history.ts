// The dashboard's memory: tables of columns over time, as wide as there is to tell. Bounded; the page extends its copy
// in the same way. Pure.

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
/**
 * Columns of a table. Trainers come and go, each with columns of its own: those that ended first are forgotten first.
 */
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

/**
 * Appends in place and drops the oldest beyond the bounds. A clock that was set back leaves rows ahead of what comes
 * now: they move back as far as that asks for, and what lies before them too, up to a gap that takes them in. So times
 * rise, nothing is lost, and rows of a clock that was wrong for a while come to where they belong.
 */
export function extend(history: History, news: History): void {
  for (const section of sections) append(history[section], news[section], bounds[section]);
}

function append(series: Series, { at, columns }: Series, bound: number): void {
  if (at.length === 0) return;
  const set = at.findIndex((time, k) => k > 0 && time < at[k - 1]!); // the clock was, between two of these rows
  if (set > 0) {
    const part = (from: number, to?: number): Series => ({
      at: at.slice(from, to),
      columns: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(from, to)])),
    });
    append(series, part(0, set), bound);
    append(series, part(set), bound);
    return;
  }
  makeRoom(series.at, at[0]!);
  const before = series.at.length;
  for (const name of Object.keys(columns)) series.columns[name] ??= Array<number | null>(before).fill(null);
  series.at.push(...at);
  for (const [name, column] of Object.entries(series.columns))
    for (const k of at.keys()) column.push(columns[name]?.[k] ?? null);
  const over = series.at.length - bound;
  if (over > 0) for (const list of [series.at, ...Object.values(series.columns)]) list.splice(0, over);
  forget(series);
}

function makeRoom(times: number[], next: number): void {
  const by = (times.at(-1) ?? Number.NEGATIVE_INFINITY) - next + 1;
  if (by <= 0) return;
  for (let k = times.length - 1, isApart = false; k >= 0 && !isApart; k--) {
    isApart = k > 0 && times[k]! - times[k - 1]! > by;
    times[k]! -= by;
  }
}

function forget({ at, columns }: Series): void {
  const lastOf = (column: readonly (number | null)[]) => column.findLastIndex((value) => value !== null);
  const names = Object.keys(columns);
  if (names.length <= mostColumns) {
    for (const name of names)
      if (at.length > 0 && columns[name]![0] === null && lastOf(columns[name]!) < 0) delete columns[name];
    return;
  }
  const ended = names.map((name) => ({ name, last: lastOf(columns[name]!) })).sort((a, b) => a.last - b.last);
  for (const { name } of ended.slice(0, names.length - mostColumns)) delete columns[name];
}

/** The rows before `before` as means over `every` ms: what a page of a thousand pixels needs of a day. */
export function thinned(series: Series, before: number, every: number): Series {
  const groups = groupsOf(series.at, before, every);
  return {
    at: groups.map(([, to]) => series.at[to - 1]!),
    columns: Object.fromEntries(
      Object.entries(series.columns).map(([name, column]) => [name, meansOf(column, groups)]),
    ),
  };
}

type Group = [from: number, to: number];

function groupsOf(at: readonly number[], before: number, every: number): Group[] {
  const groups: Group[] = [];
  for (const [k, time] of at.entries()) {
    const group = groups.at(-1);
    const isSame = group && time < before && Math.floor(at[group[0]]! / every) === Math.floor(time / every);
    if (isSame) group[1] = k + 1;
    else groups.push([k, k + 1]);
  }
  return groups;
}

function meansOf(column: readonly (number | null)[], groups: readonly Group[]): (number | null)[] {
  return groups.map(([from, to]) => {
    let [sum, count] = [0, 0];
    for (let k = from; k < to; k++) {
      const value = column[k] ?? null;
      if (value === null) continue;
      sum += value;
      count++;
    }
    return count === 0 ? null : sum / count;
  });
}

/** As it stands now; what comes does not change it. */
export function copyOf(history: History): History {
  const copy = ({ at, columns }: Series): Series => ({
    at: [...at],
    columns: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, [...column]])),
  });
  return Object.fromEntries(sections.map((section) => [section, copy(history[section])])) as unknown as History;
}

/**
 * The history as JSON, column by column: a day of 200 columns takes seconds, and whoever finishes this can do something
 * else in between. `thin` is of the samples.
 */
export function* textOf(history: History, thin?: { before: number; every: number }): Generator<void, Buffer> {
  const pieces: string[] = [];
  for (const section of sections) {
    const { at, columns } = history[section];
    const groups = thin && section === "samples" ? groupsOf(at, thin.before, thin.every) : undefined;
    const times = groups ? groups.map(([, to]) => at[to - 1]!) : at;
    pieces.push(
      `${pieces.length === 0 ? "{" : ","}${JSON.stringify(section)}:{"at":${JSON.stringify(times)},"columns":{`,
    );
    let comma = "";
    for (const [name, column] of Object.entries(columns)) {
      yield;
      pieces.push(`${comma}${JSON.stringify(name)}:${JSON.stringify(groups ? meansOf(column, groups) : column)}`);
      comma = ",";
    }
    pieces.push("}}");
  }
  return Buffer.from(`${pieces.join("")}}`);
}
