// What is kept of an evaluation: one line of a file, so that the curves survive a restart.
import { type EvaluationLine, evaluationLine } from "../../shared/health/status/evaluator.ts";
import type { Patience } from "../../shared/runtime/patience.ts";
import { type Lines, openLines } from "./lines.ts";

/** The newest of them, and what a file of many months is cut down to. */
const shown = 500;
const kept = 100_000;

export type Journal = Lines<EvaluationLine>;

export const openJournal = (file: string, { through }: Patience): Promise<Journal> =>
  openLines(file, evaluationLine, shown, kept, through);
