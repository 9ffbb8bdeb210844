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
import { fitted, plain } from "./fitting.ts";
import { gains, servedGains, type Trained } from "./gains.ts";
import { heldOut } from "./held-out.ts";
import type { Ranked } from "./meeting.ts";
import { byUser } from "./window.ts";

export interface Evidence {
  /** Arrivals that the candidate has not learned from, oldest first; none where they are of too few users. */
  readonly unseen: readonly Ranked[];
  /** The newest arrivals, whoever has learned from them. */
  readonly recent: readonly Ranked[];
  readonly histories: Histories;
  readonly salt: string;
  readonly trends: Trends;
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
 * Undefined where a mix is not better than the candidate's scores alone; that of the published model where too few have
 * come to tell.
 */
export async function mixFor(
  candidate: Trained,
  published: Trained | null,
  evidence: Evidence,
  signal: AbortSignal,
): Promise<Mix | undefined> {
  const { histories } = evidence;
  const before = published?.mix;
  const unseen = evidence.unseen.slice(-MOST_FITTED);
  if (unseen.length < FEWEST_FITTED) return before;
  const weightsFrom = (arrivals: readonly Ranked[]) =>
    finish(fitted(arrivals, candidate, histories, before ?? plain), signal);
  // Chosen on the first half, it has to be better on the second.
  const half = Math.floor(unseen.length / 2);
  const [first, later] = [await weightsFrom(unseen.slice(0, half)), unseen.slice(half)];
  const served = await servedGains(later, { ...candidate, mix: first }, histories, signal);
  const alone = await gains(later, candidate, histories, signal);
  const more = paired(ofUsers(later, (_, k) => served[k]!.ndcg - alone[k]!.ndcg));
  if (!(more.mean > SURELY * more.standardError)) return undefined;
  const mix = await weightsFrom(unseen);
  if (drifts(evidence.recent)) return mix;
  const loss = await lossOf(candidate, mix, evidence, signal);
  return loss <= Math.max(LOSS, more.mean) ? mix : undefined;
}

/**
 * On arrivals, by any of the windows. Where nothing drifts, what held-out users are judged by, a random fifth of all
 * that they ever met, is what comes next; where something does, it is the past.
 */
export function drifts(arrivals: readonly Ranked[]): boolean {
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

const ofUsers = (arrivals: readonly Ranked[], of: (arrival: Ranked, k: number) => number) =>
  byUser(arrivals, ({ user }) => user, of);
