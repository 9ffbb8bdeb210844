// Two models' scores as one: each standardised per user, so that scales do not matter, then averaged. Which share the
// first one gets is chosen on validation users.
// Shapes: B users, I items.
import type { HeldOutUser, ScoreBatch } from "./evaluate.ts";
import { ndcg, rankingOf, type Summary, summary } from "./metrics.ts";
import { paired } from "./paired.ts";

/** Shares of the first model that are tried: finer steps change the NDCG of a blend by less than its standard error. */
const shares: readonly number[] = Array.from({ length: 21 }, (_, k) => k / 20);
const batchSize = 100;

/**
 * Scores of both models, `weight` of the first one's and 1 - `weight` of the second one's. Both are of the same
 * columns.
 */
export function blended(first: ScoreBatch, second: ScoreBatch, weight: number): ScoreBatch {
  return (foldIns) => {
    const both = [first(foldIns), second(foldIns)] as const;
    const items = both[0].length / foldIns.length;
    const scores_BI = new Float32Array(both[0].length);
    foldIns.forEach((foldIn, user) => {
      const [start, end] = [user * items, (user + 1) * items];
      const [a_I, b_I] = both.map((of_BI) => standardised(of_BI.subarray(start, end), foldIn)) as [
        Float64Array,
        Float64Array,
      ];
      scores_BI.set(mixed(a_I, b_I, weight), start);
    });
    return scores_BI;
  };
}

const mixed = (a_I: Float64Array, b_I: Float64Array, weight: number) =>
  Float32Array.from(a_I, (a, column) => weight * a + (1 - weight) * b_I[column]!);

/**
 * A user's scores with mean 0 and deviation 1 over the items that the user does not have: only they are recommended,
 * and of the others models say all sorts of things. Scores that are all equal say nothing and become 0, so the other
 * model decides alone.
 */
export function standardised(scores_I: Float32Array, foldIn: Int32Array): Float64Array {
  const isKnown_I = new Uint8Array(scores_I.length);
  for (const column of foldIn) isKnown_I[column] = 1;
  const { mean, deviation } = summaryOf(scores_I, isKnown_I);
  return Float64Array.from(scores_I, (score) => (deviation > 0 ? (score - mean) / deviation : 0));
}

/** Over the columns that are not known. In two passes: scores far from 0 lose nothing. */
function summaryOf(scores_I: Float32Array, isKnown_I: Uint8Array): { mean: number; deviation: number } {
  let [count, sum] = [0, 0];
  for (let column = 0; column < scores_I.length; column++) {
    if (isKnown_I[column]) continue;
    count++;
    sum += scores_I[column]!;
  }
  const mean = sum / count;
  let squares = 0;
  for (let column = 0; column < scores_I.length; column++)
    if (!isKnown_I[column]) squares += (scores_I[column]! - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / count) };
}

export interface Choice {
  readonly weight: number;
  /** NDCG@100 of every share that was tried, by share. */
  readonly curve: readonly { readonly weight: number; readonly "ndcg@100": Summary }[];
}

/**
 * The most even share of the first model whose mean NDCG@100 of these users is no more than one standard error (of the
 * paired differences) below the best one's (Breiman et al. 1984): near the best the curve is flat and its peak is
 * chance, but it falls steeply where one model is left alone. .5 where no user has a target. Each model scores each
 * user once. Yields after each batch of users how much is done, 0 to 1, so that a process can breathe.
 */
export function* chooseWeight(
  first: ScoreBatch,
  second: ScoreBatch,
  users: readonly HeldOutUser[],
  items: number,
): Generator<number, Choice> {
  const judged = users.filter(({ target }) => target.length > 0);
  const gains = shares.map(() => new Float64Array(judged.length));
  for (let start = 0; start < judged.length; start += batchSize) {
    const batch = judged.slice(start, start + batchSize);
    const foldIns = batch.map(({ foldIn }) => foldIn);
    const both = [first(foldIns), second(foldIns)] as const;
    batch.forEach(({ foldIn, target }, row) => {
      const of = (scores_BI: Float32Array) => standardised(scores_BI.subarray(row * items, (row + 1) * items), foldIn);
      const [a_I, b_I] = [of(both[0]), of(both[1])];
      shares.forEach((weight, k) => {
        gains[k]![start + row] = ndcg(rankingOf(mixed(a_I, b_I, weight), foldIn, 100), target, 100);
      });
    });
    yield Math.min(1, (start + batchSize) / judged.length);
  }
  const curve = shares.map((weight, k) => ({ weight, "ndcg@100": summary(gains[k]!) }));
  const evenFirst = curve.toSorted((a, b) => Math.abs(a.weight - 0.5) - Math.abs(b.weight - 0.5));
  const best = evenFirst.reduce((best, each) => (each["ndcg@100"].mean > best["ndcg@100"].mean ? each : best));
  const gainsOf = ({ weight }: { readonly weight: number }) => gains[shares.indexOf(weight)]!;
  const isAsGood = (each: typeof best) => {
    const { mean, standardError } = paired(gainsOf(best).map((gain, user) => gain - gainsOf(each)[user]!));
    return mean <= standardError;
  };
  return { weight: (evenFirst.find(isAsGood) ?? evenFirst[0]!).weight, curve };
}
