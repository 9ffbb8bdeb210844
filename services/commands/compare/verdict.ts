// What became of a trial's process, and why, in words for its row. Pure.
import { duration } from "../../../shared/health/views/figures.ts";
import { printable } from "../../../shared/runtime/printable.ts";
import type { Attempt, Trained } from "./ledger.ts";
import type { Trial } from "./plan.ts";

/** How a process ended. */
export interface End {
  readonly code: number;
  readonly seconds: number;
  /** Seconds after which it was stopped. */
  readonly limit: number;
  /** The benchmark itself was asked to stop. */
  readonly wasAsked: boolean;
  readonly trained: Trained | undefined;
  /** The end of its log. */
  readonly lastWords: string;
}

export function outcomeOf({ entry, secondsLeft }: Trial, end: End): Pick<Attempt, "outcome" | "why"> {
  const unit = entry.kind === "neural" ? "epoch" : "sweep";
  const [first, ...others] = end.trained?.epochs ?? [];
  if (end.trained && first && others.length === 0 && first.seconds > secondsLeft)
    return {
      outcome: "stopped",
      why: `${spanOf(secondsLeft)} are too little for one ${unit}, which took ${spanOf(first.seconds)}`,
    };
  if (end.trained) return { outcome: "done", why: null };
  if (end.wasAsked) return { outcome: "interrupted", why: null };
  if (end.seconds > end.limit)
    return {
      outcome: "stopped",
      why: `not done when its ${spanOf(secondsLeft)} were over: one ${unit} takes longer than ${spanOf(end.limit)}`,
    };
  const said = errorIn(end.lastWords);
  return { outcome: "failed", why: said === "" ? `ended with exit code ${end.code} and left no report` : said };
}

/** The newest error of ours in the end of a log, otherwise its newest line. */
function errorIn(log: string): string {
  return printable(linesOf(log).findLast((line) => /^[A-Z_]{4,}: /.test(line)) ?? newestLine(log), 400);
}

/**
 * What a trial said last, for the line of progress: no service's log, and not the end's line of test figures, which
 * nobody shall see before all is chosen.
 */
export const newestLine = (log: string): string =>
  printable(linesOf(log).findLast((line) => !/^(best epoch |\{)|"standardError"/.test(line)) ?? "", 200);

const linesOf = (log: string) =>
  log
    .split(/[\n\r]/)
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** 0.4 s, 1.5 s, 94 s, 12 min. */
const spanOf = (seconds: number) => (seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds));
