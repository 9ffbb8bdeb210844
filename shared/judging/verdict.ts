// What becomes of a candidate: what is laid over its scores, what it is worth beside the published model and what is
// popular, and whether it may be published. Between the evaluator, or a stream's simulation, and gate.ts.
import type { Histories } from "../events/histories.ts";
import { type Incumbent, judge, type Limits, type Measured } from "./candidate.ts";
import type { Choice } from "./choosing.ts";
import type { Trained } from "./gains.ts";
import { arrivalsDecide, type Beside, belowPopular, isAbovePopular, type Warning } from "./gate.ts";

/** See prequential.ts. */
export interface OnArrivals {
  mixOf(candidate: Trained, published: Trained | null, signal: AbortSignal): Promise<Choice>;
  beside(candidate: Trained, published: Trained | null, signal: AbortSignal): Promise<Beside>;
}

export interface Rules extends Omit<Limits, "isAbovePopularNow" | "isOfThePast"> {
  /** What is below popular now on arrivals is published all the same. */
  readonly allowBelowPopularNow: boolean;
}

export interface Verdict {
  /** What is to be laid over its scores, and why that, or why nothing. */
  readonly mix: Choice["mix"];
  readonly why: string;
  readonly beside: Beside;
  readonly measured: Measured;
  readonly warning: Warning | null;
  /** Null: it may be published. */
  readonly reason: string | null;
}

/** `ended` hears of each part of it. Throws the signal's reason when aborted half-way. */
export async function verdictOn(
  candidate: Trained,
  published: (Trained & Incumbent) | null,
  arrivals: OnArrivals,
  histories: Histories,
  rules: Rules,
  signal: AbortSignal,
  ended: (part: "mix" | "beside" | "heldOut") => void = () => {},
): Promise<Verdict> {
  const { mix, why } = await arrivals.mixOf(candidate, published, signal);
  ended("mix");
  const beside = await arrivals.beside({ ...candidate, mix }, published, signal);
  ended("beside");
  const unseen = published ? [{ name: WINDOW, differences: beside.overIncumbent }] : [];
  const isOfThePast = arrivalsDecide(beside, rules.tolerance);
  const limits = { ...rules, isAbovePopularNow: isAbovePopular(beside), isOfThePast };
  const measured = await judge(candidate, published, histories, limits, signal, unseen);
  ended("heldOut");
  const warning = belowPopular(beside, published, rules.allowBelowPopularNow) ?? pastIn(measured);
  return { mix, why, beside, measured, warning, reason: measured.refusal ?? (warning?.holds ? warning.text : null) };
}

const pastIn = ({ lost }: Measured): Warning | null =>
  lost === null
    ? null
    : { text: `${lost}; published since what arrives decides where popularity drifts`, holds: false };

/** As a sentence says it. */
const WINDOW = "prequential window";
