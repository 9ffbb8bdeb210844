// How long a part may take before it is leased to another trainer as well. Pure; below leases.ts.
import type { Phase } from "./phases.ts";

export type Millis = number;

/** Newest durations of parts by phase, from lease to answer, or from the trainer's answer before. */
export type Durations = Readonly<Partial<Record<Phase, readonly Millis[]>>>;

/** Until some parts of a phase were timed; covers the start of an engine and its first, slow products. */
const FIRST: Millis = 5_000;
/** Generous: a deadline that was too short costs one part computed twice, since the first answer counts. */
const SHORTEST: Millis = 100;
const TIMES = 4;
/** Costs nobody anything who has work. */
const PATIENT_TIMES = 2;
/** Of 21, two may be strays. */
const QUANTILE = 0.9;
const TIMED = 21;
const ENOUGH = 3;

export function allowance(durations: Durations, phase: Phase): Millis {
  const allowed = (times: readonly Millis[]) => Math.max(SHORTEST, TIMES * slowOf(times));
  const times = durations[phase] ?? [];
  if (times.length >= ENOUGH) return allowed(times);
  return Math.max(FIRST, ...Object.values(durations).map(allowed));
}

/**
 * How long a part may take before whoever has nothing to do computes it too: half its deadline, but for the smallest
 * parts.
 */
export function patience(durations: Durations, phase: Phase): Millis {
  const times = durations[phase] ?? [];
  return times.length >= ENOUGH ? PATIENT_TIMES * slowOf(times) : allowance(durations, phase);
}

function slowOf(times: readonly Millis[]): Millis {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(QUANTILE * (sorted.length - 1))]!;
}

export function timed(durations: Durations, phase: Phase, took: Millis): Durations {
  return { ...durations, [phase]: [...(durations[phase] ?? []), took].slice(-TIMED) };
}
