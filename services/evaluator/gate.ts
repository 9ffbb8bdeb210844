// The door to publication: decides whether a checkpoint may replace the published model. Pure; judge.ts measures what it is told.

export interface Candidate {
  /** Every score is a finite number; weights that are not cannot even be read. */
  readonly finite: boolean;
  /** Items in the vocabulary. */
  readonly items: number;
  /** Held-out users that were scored. */
  readonly users: number;
  /** Mean NDCG@100 over them. */
  readonly ndcg: number;
}

/** The published model, judged on the same users at the same moment. */
export interface Incumbent {
  readonly version: string;
  readonly items: number;
  readonly ndcg: number;
}

/** Null when the candidate may be published, else the reason in one sentence for people. `tolerance` is a difference of NDCG@100. */
export function refusal(candidate: Candidate, popularity: number, incumbent: Incumbent | null, tolerance: number): string | null {
  if (!candidate.finite) return "scores are not finite";
  if (incumbent && candidate.items < incumbent.items)
    return `its vocabulary of ${candidate.items} items is smaller than the ${incumbent.items} of ${incumbent.version}`;
  if (candidate.users === 0) return "no held-out user has items on both sides yet";
  // Written as "not at least", so that a NaN is refused too.
  if (!(candidate.ndcg >= popularity)) return `NDCG@100 of ${round(candidate.ndcg)} is below plain popularity's ${round(popularity)}`;
  if (incumbent && !(candidate.ndcg >= incumbent.ndcg - tolerance)) {
    return `NDCG@100 of ${round(candidate.ndcg)} is more than ${tolerance} below the ${round(incumbent.ndcg)} of ${incumbent.version}`;
  }
  return null;
}

const round = (value: number) => value.toFixed(4);
