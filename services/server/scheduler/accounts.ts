// What became of contributions, in all and by trainer, and where each trainer's time goes. Filled by scheduler.ts,
// shown by progress.ts.
import type { Metrics } from "../../../shared/runtime/metrics.ts";
import type { Millis } from "../../../shared/training/deadlines.ts";
import { activities, type Times } from "../../../shared/training/messages.ts";

export const outcomes = ["accepted", "late", "duplicate", "expired", "unasked", "notFinite"] as const;
export type Outcome = (typeof outcomes)[number];

export interface Account {
  parts: number;
  late: number;
  duplicate: number;
  /** Since it joined, by what it did. */
  readonly seconds: Times;
  /** Median of its newest parts, from lease to answer. */
  readonly partMs: Millis | null;
}

const TIMED = 21;

export class Accounts {
  readonly contributions: Readonly<Record<Outcome, number>>;
  readonly #contributions = Object.fromEntries(outcomes.map((name) => [name, 0])) as Record<Outcome, number>;
  readonly #trainers = new Map<
    string,
    { parts: number; late: number; duplicate: number; seconds: Times; took: Millis[] }
  >();
  readonly #counter: ReturnType<Metrics["counter"]>;

  constructor(metrics: Metrics) {
    this.contributions = this.#contributions;
    this.#counter = metrics.counter("tributary_contributions_total");
    for (const outcome of outcomes) this.#counter.inc({ outcome }, 0); // the first one is an increase
  }

  open(trainer: string): void {
    const seconds = Object.fromEntries(activities.map((name) => [name, 0])) as Times;
    this.#trainers.set(trainer, { parts: 0, late: 0, duplicate: 0, seconds, took: [] });
  }

  close(trainer: string): void {
    this.#trainers.delete(trainer);
  }

  count(trainer: string, outcome: Outcome): void {
    this.#contributions[outcome]++;
    this.#counter.inc({ outcome });
    const account = this.#trainers.get(trainer);
    if (account && outcome === "accepted") account.parts++;
    if (account && (outcome === "late" || outcome === "duplicate")) account[outcome]++;
  }

  took(trainer: string, millis: Millis): void {
    const took = this.#trainers.get(trainer)?.took;
    took?.push(millis);
    if (took && took.length > TIMED) took.shift();
  }

  spent(trainer: string, times: Times): void {
    const account = this.#trainers.get(trainer);
    if (account) for (const name of activities) account.seconds[name] += times[name];
  }

  of(trainer: string): Account {
    const { took, ...account } = this.#trainers.get(trainer)!;
    return { ...account, partMs: [...took].sort((a, b) => a - b)[took.length >> 1] ?? null };
  }
}
