// Problems that were seen: since when, until when, how often each began. Bounded: the one that was seen least lately is forgotten first. Pure.
import { identityOf, type Problem } from "./problem.ts";

export interface Recent extends Pick<Problem, "level" | "reason" | "hint"> {
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

const most = 50;

/** Those of the newest look first, in their order. `now` in ms since 1970. */
export function recall(before: readonly Recent[], problems: readonly Problem[], now: number): Recent[] {
  const open = problems.map((problem): Recent => {
    const { level, reason, hint } = problem;
    const { service, code } = identityOf(problem);
    const known = before.find((each) => each.code === code);
    const count = (known?.count ?? 0) + (known?.isOpen ? 0 : 1);
    return { code, service, level, reason, hint, firstAt: known?.firstAt ?? now, lastAt: now, isOpen: true, count };
  });
  const over = before.filter(({ code }) => !open.some((each) => each.code === code)).map((each) => ({ ...each, isOpen: false }));
  return [...open, ...over.sort((a, b) => b.lastAt - a.lastAt)].slice(0, most);
}
