// Problems that were seen: since when, until when, how often each began, in the words of when it was seen last.
// Bounded: the one that was seen least lately is forgotten first. Pure.
import { boxOf, type Problem, serviceOf } from "../rules/problem.ts";
import { type ShownProblem, wordsOf } from "./problems.ts";

export interface Recent extends Pick<ShownProblem, "level" | "reason" | "hint"> {
  readonly code: string;
  readonly service: string;
  /** ms since 1970, as `lastAt`: the newest look that saw it. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** It was there at the newest look. */
  readonly isOpen: boolean;
  /** How often it came. */
  readonly count: number;
}

export type Finding = Pick<Recent, "code" | "service" | "level" | "reason" | "hint">;

export function findingOf(problem: Problem): Finding {
  const { reason, hint } = wordsOf(problem);
  return { code: problem.code, service: serviceOf[boxOf[problem.code]], level: problem.level, reason, hint };
}

const most = 50;

/** Those of the newest look first, in their order. `now` in ms since 1970. */
export function recall(before: readonly Recent[], findings: readonly Finding[], now: number): Recent[] {
  const open = findings.map((finding): Recent => {
    const earlier = before.find(({ code }) => code === finding.code);
    const count = (earlier?.count ?? 0) + (earlier?.isOpen ? 0 : 1);
    return { ...finding, firstAt: earlier?.firstAt ?? now, lastAt: now, isOpen: true, count };
  });
  const over = before
    .filter(({ code }) => !open.some((each) => each.code === code))
    .map((each) => ({ ...each, isOpen: false }));
  return [...open, ...over.sort((a, b) => b.lastAt - a.lastAt)].slice(0, most);
}
