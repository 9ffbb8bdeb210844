// How many batches a trainer takes on its own between two exchanges, where that is to follow from what both cost
// (`--every auto`): so many that at most a tenth of the time goes into the exchange. Pure.

/** What of an outer step's time may be the exchange's. */
const SHARE = 0.1;
/** Where it begins, as long as nothing was measured. */
const FIRST = 8;
/** Outer steps of a phase that are remembered: the first compiles or warms up, the newest says how things are. */
const REMEMBERED = 5;
/** From one outer step to the next: the deadlines of parts are learned from those before. */
const GROWTH = 2;

/** An outer step, in seconds. */
export interface Cost {
  /** When it was over. */
  readonly at: number;
  /** Batches that the longest of its stints held. */
  readonly batches: number;
  readonly seconds: number;
  /** Of them the trainers computed, the slowest one. */
  readonly computing: number;
}

export type Costs = readonly Cost[];

/** What the newest stints of all phases come to. */
export function standingOf(costs: Readonly<Record<string, Costs>>) {
  const all = Object.values(costs).flat();
  const sum = (of: (cost: Cost) => number) => all.reduce((total, cost) => total + of(cost), 0);
  const newest = all.reduce<Cost | undefined>((last, cost) => (last && last.at > cost.at ? last : cost), undefined);
  const exchange = sum(({ seconds, computing }) => Math.max(0, seconds - computing));
  return { every: newest?.batches ?? null, exchangeShare: newest ? exchange / sum(({ seconds }) => seconds) : null };
}

export const remembered = (costs: Costs, cost: Cost): Costs => [...costs, cost].slice(-REMEMBERED);

/** Most batches of the next stint. */
export function batchesOf(costs: Costs): number {
  const last = costs.at(-1);
  if (!last) return FIRST;
  const perBatch = Math.min(...costs.map(({ computing, batches }) => computing / batches));
  const exchange = Math.min(...costs.map(({ seconds, computing }) => seconds - computing));
  if (!(perBatch > 0)) return FIRST;
  const wanted = Math.ceil(((1 - SHARE) / SHARE) * (Math.max(0, exchange) / perBatch));
  return Math.max(1, Math.min(wanted, GROWTH * last.batches));
}
