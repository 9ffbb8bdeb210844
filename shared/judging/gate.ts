// The gate of publication: decides whether a checkpoint may replace the published model. Pure; candidate.ts measures
// what it is told.
// A candidate is refused as worse when it loses more than the tolerance AND the loss is more than noise: the mean of
// the paired differences lies below -tolerance, and a one-sided paired test rejects "no worse than the incumbent". With
// many users the tolerance decides, as their mean hardly moves by chance; with few, chance alone refuses an equal model
// in one round of twenty (one of six for two users), never for ever. The other null hypothesis, "worse until proven
// otherwise", would let few users block every successor; a test of "worse by more than the tolerance" would pass losses
// just beyond it however many users show them. Where users are too few for any test, plain popularity is the floor: a
// broken model falls below it.
import { paired } from "../ranking/paired.ts";
import { printable } from "../runtime/printable.ts";

export interface Candidate {
  /** Every score is a finite number; weights that are not cannot even be read. */
  readonly finite: boolean;
  /** Item of each column. */
  readonly vocabulary: readonly string[];
  /** Held-out users that were scored. */
  readonly users: number;
  /** Mean NDCG@100 over them. */
  readonly ndcg: number;
}

/** The published model. */
export interface Incumbent {
  readonly version: string;
  readonly vocabulary: readonly string[];
}

/** One way of comparing candidate and incumbent: the same users under both. */
export interface Comparison {
  /** Such as "hold-out"; a sentence says "on the hold-out". */
  readonly name: string;
  /** NDCG@100 of each user under the candidate less that under the incumbent. Empty: it says nothing. */
  readonly differences: Float64Array;
}

export interface Evidence {
  readonly candidate: Candidate;
  /** Mean NDCG@100 of plain popularity over the candidate's users. */
  readonly popularity: number;
  readonly incumbent: Incumbent | null;
  /** With the incumbent; any of them can refuse. */
  readonly comparisons: readonly Comparison[];
}

/**
 * Null when the candidate may be published, else the reason in one sentence for people. `tolerance` is a difference of
 * NDCG@100.
 */
export function refusal({ candidate, popularity, incumbent, comparisons }: Evidence, tolerance: number): string | null {
  if (!candidate.finite) return "scores are not finite";
  const misfit = incumbent && misfitOf(candidate.vocabulary, incumbent);
  if (misfit !== null) return misfit;
  if (candidate.users === 0) return "no held-out user has items on both sides yet";
  // Written as "not at least", so that a NaN is refused too.
  if (!(candidate.ndcg >= popularity))
    return `NDCG@100 of ${round(candidate.ndcg)} is below plain popularity's ${round(popularity)}`;
  if (incumbent === null) return null;
  for (const comparison of comparisons) {
    const loss = lossOf(comparison, incumbent.version, tolerance);
    if (loss !== null) return loss;
  }
  return null;
}

/** Columns are never given away: whoever shrank or reordered them would read the same rows as other items. */
function misfitOf(vocabulary: readonly string[], { version, vocabulary: before }: Incumbent): string | null {
  if (vocabulary.length < before.length)
    return `its vocabulary of ${vocabulary.length} items is smaller than the ${before.length} of ${version}`;
  const column = before.findIndex((item, k) => vocabulary[k] !== item);
  return column < 0
    ? null
    : `its vocabulary does not go on from ${version}'s: column ${column} is "${named(vocabulary[column]!)}", there ` +
        `"${named(before[column]!)}"`;
}

/**
 * 95 % of the normal distribution lie below it. Student's quantile would be larger for few users and refuse less; the
 * normal one errs on the side of those who are recommended to, at the cost of a round. Source of the paired t-test for
 * rankings: Smucker, Allan and Carterette, CIKM 2007.
 */
const QUANTILE = 1.6449;

function lossOf({ name, differences }: Comparison, version: string, tolerance: number): string | null {
  if (differences.length === 0) return null;
  const { mean, standardError } = paired(differences);
  if (Number.isNaN(mean)) return `on the ${name} it cannot be compared with ${version}: a difference is no number`;
  if (mean >= -tolerance || mean + QUANTILE * standardError >= 0) return null;
  const users = `${differences.length} user${differences.length === 1 ? "" : "s"}`;
  return (
    `on the ${name} its NDCG@100 is ${round(-mean)} ± ${round(standardError)} below that of ${version} ` +
    `(${users}), more than the tolerance of ${tolerance}`
  );
}

const named = (item: string) => printable(item, 60);
const round = (value: number) => value.toFixed(4);
