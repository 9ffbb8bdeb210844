// Whether and how what is hot is laid over a candidate's scores: weights from what came since it was pinned, which have
// to prove themselves on later arrivals, and, where nothing drifts, on held-out users too. Between fitting.ts and
// prequential.ts.
import type { Histories } from "../events/histories.ts";
import { evaluation, type ScoreBatch } from "../ranking/evaluate.ts";
import type { Mix } from "../ranking/mix.ts";
import { paired } from "../ranking/paired.ts";
import { windows } from "../ranking/references.ts";
import { trending } from "../ranking/trending.ts";
import type { Trends } from "../ranking/trends.ts";
import { finish } from "../runtime/finish.ts";
import type { Arrival } from "./arrivals.ts";
import { type Asked, some } from "./asked.ts";
import { examplesOf, fittedTo, plain } from "./fitting.ts";
import { aloneGains, mixedGains, type Trained } from "./gains.ts";
import { heldOut } from "./held-out.ts";
import type { Ranked } from "./meeting.ts";
import { byUser } from "./window.ts";

export interface Evidence {
  /** Arrivals that the candidate has not learned from, oldest first; none where they are of too few users. */
  readonly unseen: Asked;
  /** The newest arrivals, whoever has learned from them. */
  readonly recent: readonly Pick<Ranked, "user" | "now">[];
  readonly histories: Histories;
  readonly salt: string;
  readonly trends: Trends;
}

/** What is laid over a candidate's scores, and why that, or why nothing: a sentence for people. */
export interface Choice {
  /** Too few arrivals came to choose by. */
  readonly isOpen?: boolean;
  /** As it was chosen before. */
  readonly isStanding?: boolean;
  readonly mix?: Mix | undefined;
  readonly why: string;
}

/** Arrivals that weights are chosen on. */
const FEWEST_FITTED = 100;
const MOST_FITTED = 500;
/**
 * Standard errors by which a mix has to be better: asked at every candidate, so that chance lets one in in a thousand.
 */
const SURELY = 3;
/** Mean NDCG@100 that held-out users may lose where nothing drifts, unless arrivals gain more than that. */
const LOSS = 0.002;
const HELD_OUT = 500;
/** A stream drifts where what is popular now is so many times better than what is since ever, and surely better. */
const DRIFT = { times: 1.5, surely: 5 } as const;

/**
 * None where a mix is not better than the candidate's scores alone; that of the published model where too few have come
 * to tell. `standing` was chosen a moment ago: where it is surely better for this candidate too, it stays.
 */
export async function mixFor(
  candidate: Trained,
  published: Trained | null,
  evidence: Evidence,
  signal: AbortSignal,
  standing?: Mix,
): Promise<Choice> {
  const before = published?.mix;
  const unseen = some(evidence.unseen, -MOST_FITTED);
  const { length } = unseen.arrivals;
  if (length < FEWEST_FITTED)
    return {
      isOpen: true,
      mix: before,
      why: `as before: ${length} arrivals since it was pinned are too few to choose by`,
    };
  // Chosen on the first half, or before any of them came, it has to be better on the second.
  const half = Math.floor(length / 2);
  const later = some(unseen, half);
  const alone = await aloneGains(later, signal);
  const proved = async (mix: Mix) => {
    const served = await mixedGains(later, mix, signal);
    const more = paired(ofUsers(later.arrivals, (_, k) => served[k]!.ndcg - alone[k]!.ndcg));
    const by = `NDCG@100 of ${later.arrivals.length} arrivals ${signed(more.mean)} ± ${more.standardError.toFixed(4)}`;
    return { isSure: more.mean > SURELY * more.standardError, more, by };
  };
  if (standing) {
    const { isSure, by } = await proved(standing);
    if (isSure) return { mix: standing, why: `it helps as it was chosen: ${by}`, isStanding: true };
  }
  const examples = await finish(examplesOf(some(unseen, 0, half)), signal);
  const mix = await finish(fittedTo(examples, before ?? plain), signal);
  const { isSure, more, by: gain } = await proved(mix);
  if (!isSure) return { why: `it did not help: ${gain}` };
  if (drifts(evidence.recent)) return { mix, why: `it helps where popularity drifts: ${gain}` };
  const loss = await lossOf(candidate, mix, evidence, signal);
  const cost = `held-out users ${signed(-loss)}`;
  if (loss > Math.max(LOSS, more.mean)) return { why: `it costs more than it helps: ${gain}, ${cost}` };
  return { mix, why: `it helps: ${gain}, ${cost}` };
}

/**
 * On arrivals, by any of the windows. Where nothing drifts, what held-out users are judged by, a random fifth of all
 * that they ever met, is what comes next; where something does, it is the past.
 */
export function drifts(arrivals: Evidence["recent"]): boolean {
  const mean = (window: number) => arrivals.reduce((sum, { now }) => sum + now.popular[window]!.ndcg, 0);
  return windows.some((_, window) => {
    const more = paired(ofUsers(arrivals, ({ now }) => now.popular[window]!.ndcg - now.popular[windows.length]!.ndcg));
    return more.mean > DRIFT.surely * more.standardError && mean(window) > DRIFT.times * mean(windows.length);
  });
}

/** What held-out users lose by the mix, on average; where there are none, nobody does. */
async function lossOf(
  candidate: Trained,
  mix: Mix,
  { histories, salt, trends }: Evidence,
  signal: AbortSignal,
): Promise<number> {
  const users = heldOut(histories, "validation", salt, candidate.vocabulary, HELD_OUT);
  if (users.length === 0) return 0;
  const served = trending(candidate, mix, { trends, numbers: histories.vocabulary });
  const ndcg = async (scoreBatch: ScoreBatch, items: number) =>
    (await finish(evaluation(scoreBatch, users, items, [100]), signal)).perUser["ndcg@100"];
  const alone = await ndcg(candidate.scoreBatch, candidate.vocabulary.items.length);
  const under = await ndcg(served.scoreBatch, served.vocabulary.items.length);
  return paired(under.map((value, user) => alone[user]! - value)).mean;
}

const signed = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;
const ofUsers = <A extends Pick<Arrival, "user">>(arrivals: readonly A[], of: (arrival: A, k: number) => number) =>
  byUser(arrivals, ({ user }) => user, of);
