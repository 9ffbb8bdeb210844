// How sure a mean over users is: percentile bootstrap (Efron 1979), users drawn with replacement. Drawn once for all
// metrics, so that six cost little more than one.
import { choices } from "../compute/draws.ts";

export type Interval = readonly [low: number, high: number];

/** One less than 1000, so that 2.5 % and 97.5 % of 1000 gaps are whole ranks. */
export const resamples = 999;

/**
 * The 95 % interval of each column's mean; all columns are as long, one value a user. The seed decides every draw, and
 * the order of users does not matter: values are sorted first. [NaN, NaN] for no users.
 */
export function intervals(columns: readonly ArrayLike<number>[], seed: number): Interval[] {
  const users = columns[0]?.length ?? 0;
  const sorted = columns.map((values) => Float64Array.from(values).sort());
  const means = columns.map(() => new Float64Array(resamples));
  for (let resample = 0; resample < resamples; resample++) {
    const drawn = choices(seed, resample, users, users);
    sorted.forEach((values, column) => {
      let sum = 0;
      for (let k = 0; k < users; k++) sum += values[drawn[k]!]!;
      means[column]![resample] = sum / users;
    });
  }
  const rank = (share: number) => Math.round(share * (resamples + 1)) - 1;
  return means.map((each) => {
    each.sort();
    return [each[rank(0.025)]!, each[rank(0.975)]!];
  });
}
