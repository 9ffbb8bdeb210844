// Who is set beside whom on a stream: models by who trains them, each alone and as it would be served, what is served
// less one of its parts, and what counts alone. Pure; simulation.ts ranks with them.
import type { Ranked } from "../../../../shared/judging/meeting.ts";
import type { Rises } from "../../../../shared/ranking/mix.ts";

/** Who makes models. */
export const learners = {
  continuous: "trained on and on, composite prior",
  gaussian: "trained on and on, Gaussian prior",
  retrained: "trained from scratch every so often",
  ease: "EASE by decayed counts",
} as const;
export type LearnerName = keyof typeof learners;

export interface Contestant {
  readonly title: string;
  /** Whose models rank; null: no model does. `frozen` is the continuous one's model of the end of the first part. */
  readonly by: LearnerName | "frozen" | null;
  /** With its mix laid over, as serve does. */
  readonly isServed?: true;
  /** Of what is served: the part that is switched off. */
  readonly without?: Part;
}

export const parts = ["model", "popularity", "coVisits"] as const;
/** Of what is served. */
export type Part = (typeof parts)[number];

/** In the order of tables; the first is what `up` serves, and all others are set beside it. */
export const contestants = {
  served: { title: "served: the model, what is hot, what follows", by: "continuous", isServed: true },
  "without-model": { title: "served, without the model", by: "continuous", isServed: true, without: "model" },
  "without-popularity": {
    ...{ title: "served, without what is hot", by: "continuous", isServed: true, without: "popularity" },
  },
  "without-co-visits": {
    ...{ title: "served, without what follows", by: "continuous", isServed: true, without: "coVisits" },
  },
  continuous: { title: "continuous model alone", by: "continuous" },
  "gaussian-served": { title: "Gaussian prior, served", by: "gaussian", isServed: true },
  gaussian: { title: "Gaussian prior, model alone", by: "gaussian" },
  "retrained-served": { title: "retrained from scratch, served", by: "retrained", isServed: true },
  retrained: { title: "retrained from scratch, model alone", by: "retrained" },
  "frozen-served": { title: "frozen after the first part, served", by: "frozen", isServed: true },
  frozen: { title: "frozen after the first part, model alone", by: "frozen" },
  ease: { title: "EASE by decayed counts", by: "ease" },
  "popular-now": { title: "popular now, at once", by: null },
  "popular-late": { title: "popular now, as late as what is served", by: null },
  "co-visits": { title: "co-visits, at once", by: null },
  "co-visits-late": { title: "co-visits, as late as what is served", by: null },
  "popular-ever": { title: "popular since ever", by: null },
} as const satisfies Readonly<Record<string, Contestant>>;
export type ContestantName = keyof typeof contestants;
export const names = Object.keys(contestants) as ContestantName[];
export const contestant = (name: ContestantName): Contestant => contestants[name];

/** The continuous one is always there: what is served is its. */
export const learnersOf = (wanted: readonly ContestantName[]): LearnerName[] =>
  (Object.keys(learners) as LearnerName[]).filter(
    (name) => name === "continuous" || wanted.some((each) => contestant(each).by === name),
  );

const nothing: Rises = { items: new Int32Array(0), rises: new Float32Array(0) };

/** An arrival as it looks to whoever has a part switched off; the model is switched off by its scores, see `mute`. */
export function arrivalWithout<T extends Ranked>(arrival: T, part: Part | undefined): T {
  switch (part) {
    case "popularity":
      return { ...arrival, hot: noHot(arrival) };
    case "coVisits":
      return { ...arrival, following: nothing };
    default:
      return arrival;
  }
}

/** One object for all, since arrivals of one moment share theirs. */
const empty = { items: new Int32Array(0), rises: [] as Float32Array[] };
function noHot({ hot }: Ranked): Ranked["hot"] {
  if (empty.rises.length !== hot.rises.length) empty.rises = hot.rises.map(() => new Float32Array(0));
  return empty;
}

/** A model that has nothing to say. */
export const mute = <T extends { readonly vocabulary: { readonly items: readonly string[] } }>(model: T) => ({
  ...model,
  scoreBatch: (rows: readonly Int32Array[]) => new Float32Array(rows.length * model.vocabulary.items.length),
});
