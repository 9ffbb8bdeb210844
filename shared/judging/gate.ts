// The gate of publication: decides whether a checkpoint may replace the published model. Pure; candidate.ts measures
// what it is told.
// A candidate is refused as worse when it loses more than the tolerance AND the loss is more than noise: the mean of
// the paired differences lies below -tolerance, and a one-sided paired test rejects "no worse than the incumbent". With
// many users the tolerance decides, as their mean hardly moves by chance; with few, chance alone refuses an equal model
// in one round of twenty (one of six for two users), never for ever. The other null hypothesis, "worse until proven
// otherwise", would let few users block every successor; a test of "worse by more than the tolerance" would pass losses
// just beyond it however many users show them. Where users are too few for any test, plain popularity is the floor: a
// broken model falls below it. Not so a candidate that is above popular now on what arrives, by more than chance, with
// what is hot laid over its scores as it serves: that is the harder test of the two, and the nearer to what it is for.
// A candidate that is below what is popular now on what arrived since it was pinned, by more than chance, is held back
// too: counting would recommend better. Both know the same events: those of the candidate's table version. A fresher
// reference would charge the model for the time that training takes, and to refuse a model for its age leaves an older
// one in use. For the same reason it is published where nothing is in use, and where what is in use is worse still on
// the same arrivals, by more than chance: on a stream that drifts a model that stands still is soon worth nothing, and
// holding back its successors would be what makes it stand still.
// Where popularity drifts what arrives decides, if it can: held-out users are judged by a random fifth of all that they
// ever met, which is the past there, and small rounds move that by more than the tolerance, up and down. A candidate
// that is above popular now on arrivals by more than chance, and surely not worse there than the published model by
// more than the tolerance, is published whatever it lost on the hold-out, and its line says what.
import { isAbove, isBelow, paired, QUANTILE } from "../ranking/paired.ts";
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

/** The candidate on the arrivals since it was pinned; of nobody where they are too few. NDCG@100 of each user. */
export interface Beside {
  /** The window that popularity counts over, in words. */
  readonly over: string;
  /** The candidate's less that of what was popular when it was pinned. */
  readonly overPopular: Float64Array;
  /** Less the incumbent's, of the same users; of nobody where there is none. */
  readonly overIncumbent: Float64Array;
  /** What is popular now is so much better than what is since ever that the past says little: choosing.ts. */
  readonly drifts?: boolean;
}

export interface Evidence {
  readonly candidate: Candidate;
  /** Mean NDCG@100 of plain popularity over the candidate's users. */
  readonly popularity: number;
  /** On what arrived since it was pinned it is above popular now, by more than chance. */
  readonly isAbovePopularNow?: boolean;
  readonly incumbent: Incumbent | null;
  /** With the incumbent; any of them can refuse. */
  readonly comparisons: readonly Comparison[];
}

/**
 * Null when the candidate may be published, else the reason in one sentence for people. `tolerance` is a difference of
 * NDCG@100.
 */
export function refusal(
  { candidate, popularity, isAbovePopularNow, incumbent, comparisons }: Evidence,
  tolerance: number,
): string | null {
  if (!candidate.finite) return "scores are not finite";
  const misfit = incumbent && misfitOf(candidate.vocabulary, incumbent);
  if (misfit !== null) return misfit;
  if (candidate.users === 0) return "no held-out user has items on both sides yet";
  // Written as "not at least", so that a NaN is refused too.
  if (!(candidate.ndcg >= (isAbovePopularNow ? 0 : popularity)))
    return `NDCG@100 of ${round(candidate.ndcg)} is below plain popularity's ${round(popularity)}`;
  if (incumbent === null) return null;
  for (const comparison of comparisons) {
    const loss = lossOf(comparison, incumbent.version, tolerance);
    if (loss !== null) return loss;
  }
  return null;
}

/** What is to be said against a candidate, in one sentence for people, and whether it holds it back. */
export interface Warning {
  readonly text: string;
  readonly holds: boolean;
}

/**
 * Null where the candidate is not below what was popular when it was pinned, or only by chance. `isAllowed`: it is
 * said, and no more.
 */
export function belowPopular(
  { over, overPopular, overIncumbent }: Beside,
  incumbent: { readonly version: string } | null,
  isAllowed: boolean,
): Warning | null {
  if (overPopular.length === 0) return null;
  const { mean, standardError } = paired(overPopular);
  if (!isBelow({ mean, standardError })) return null;
  const text =
    `on what arrived since it was pinned its NDCG@100 is ${round(-mean)} ± ${round(standardError)} ` +
    `below popular now, what most users met in ${over} before (${usersOf(overPopular)})`;
  if (isAllowed) return { text: `${text}; published since that is allowed`, holds: false };
  if (!incumbent) return { text: `${text}; published since no other is`, holds: false };
  const gain = paired(overIncumbent);
  if (overIncumbent.length > 1 && gain.mean - QUANTILE * gain.standardError > 0) {
    const by = `${round(gain.mean)} ± ${round(gain.standardError)}`;
    return { text: `${text}; published since ${incumbent.version} is worse there still, by ${by}`, holds: false };
  }
  return { text: `${text}; --allow-below-popular-now publishes it all the same`, holds: true };
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

/** A loss on arrivals that is within the tolerance, but for chance; and more than popularity is behind it. */
export function arrivalsDecide(beside: Beside, tolerance: number): boolean {
  const { drifts = false, overIncumbent } = beside;
  if (!drifts || !isAbovePopular(beside) || overIncumbent.length === 0) return false;
  const { mean, standardError } = paired(overIncumbent);
  return mean - QUANTILE * standardError > -tolerance;
}

/** In a sentence, where it is more than the tolerance and no chance. */
export function lossOf({ name, differences }: Comparison, version: string, tolerance: number): string | null {
  if (differences.length === 0) return null;
  const { mean, standardError } = paired(differences);
  if (Number.isNaN(mean)) return `on the ${name} it cannot be compared with ${version}: a difference is no number`;
  if (mean >= -tolerance || mean + QUANTILE * standardError >= 0) return null;
  return (
    `on the ${name} its NDCG@100 is ${round(-mean)} ± ${round(standardError)} below that of ${version} ` +
    `(${usersOf(differences)}), more than the tolerance of ${tolerance}`
  );
}

/** Above what was popular when it was pinned, by more than chance. */
export const isAbovePopular = ({ overPopular }: Beside): boolean =>
  overPopular.length > 0 && isAbove(paired(overPopular));

const usersOf = ({ length }: Float64Array) => `${length} user${length === 1 ? "" : "s"}`;
const named = (item: string) => printable(item, 60);
const round = (value: number) => value.toFixed(4);
