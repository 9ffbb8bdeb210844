// Prequential evaluation: each arriving event of a known user is scored by the model that was published before it, and
// only then learned from. Means over the newest arrivals make a curve, and a candidate meets the published model on
// those that neither has learned from. Source: Dawid 1984; Gama, Sebastião and Rodrigues 2013.
import type { Histories } from "../events/histories.ts";
import { evaluation, type HeldOutUser, popularityScores } from "../ranking/evaluate.ts";
import { finish } from "../runtime/finish.ts";
import { type Arrival, mustBeUnseen } from "./arrivals.ts";
import type { Judged } from "./candidate.ts";
import { popularityIn, translated, translation } from "./held-out.ts";
import type { PrequentialPoint } from "./point.ts";
import { type Gain, type Scored, SlidingWindow } from "./window.ts";

/** A model and the newest table version that it was trained on. */
export interface Trained extends Judged {
  readonly version: string;
  readonly tableVersion: number;
}

/** What the table has gained. */
export interface News {
  readonly arrivals: readonly Arrival[];
  readonly leftOut: number;
  /** Training users of each column of the histories before the first of the arrivals, [I]. */
  readonly popularity: Float64Array;
}

/** The table as far as it was taken in. */
export interface Followed {
  readonly histories: Histories;
  readonly version: number;
  /** Newest arrival up to there, ms since 1970; 0 when unknown. */
  readonly watermark: number;
}

export interface Counts {
  readonly scored: number;
  readonly leftOut: number;
  /** The model was published before anybody had scored them. */
  readonly missed: number;
}

export interface Prequential {
  /** Scores what has arrived with the published model. The line that was written, if it was time for one. */
  take(
    news: News,
    model: Trained,
    followed: Followed,
    signal: AbortSignal,
  ): Promise<{ counts: Counts; line: PrequentialPoint | undefined }>;
  /**
   * NDCG@100 of each user under the candidate less that under the published model, over arrivals that neither has
   * learned from; none of too few users.
   */
  differences(candidate: Trained, published: Trained, histories: Histories, signal: AbortSignal): Promise<Float64Array>;
}

const ks = [20, 100] as const;
/** With fewer the comparison says more about them than about the models. */
const FEWEST_USERS = 30;

interface Settings {
  /** Arrivals that a mean is taken over. */
  readonly window: number;
  /** From one line to the next, ms. */
  readonly everyMs: number;
}

/** `lines`: where the curve is kept. */
export function openPrequential(
  lines: { append(line: PrequentialPoint): Promise<void> },
  { window: size, everyMs }: Settings,
  now: () => number,
): Prequential {
  const window = new SlidingWindow(size);
  let recent: readonly Arrival[] = [];
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    async take({ arrivals, leftOut, popularity }, model, { histories, version: tableVersion, watermark: at }, signal) {
      const unseen = arrivals.filter(({ version }) => version > model.tableVersion);
      const counts = { scored: unseen.length, leftOut, missed: arrivals.length - unseen.length };
      if (unseen.length === 0) return { counts, line: undefined };
      window.add(await scored(unseen, model, histories, popularity, signal));
      recent = [...recent, ...unseen].slice(-size);
      const means = window.means();
      if (!means || now() - toldAt < everyMs) return { counts, line: undefined };
      const line = { at, tableVersion, model: model.version, ...means };
      await lines.append(line);
      toldAt = now();
      return { counts, line };
    },
    async differences(candidate, published, histories, signal) {
      const unseen = recent.filter(({ version }) => version > Math.max(candidate.tableVersion, published.tableVersion));
      if (new Set(unseen.map(({ user }) => user)).size < FEWEST_USERS) return new Float64Array(0);
      const [after, before] = [
        await gains(unseen, candidate, histories, signal),
        await gains(unseen, published, histories, signal),
      ];
      const byUser = new Map<number, number[]>();
      unseen.forEach(({ user }, k) => {
        const difference = after[k]!.ndcg - before[k]!.ndcg;
        byUser.set(user, [...(byUser.get(user) ?? []), difference]);
      });
      return Float64Array.from(byUser.values(), (each) => each.reduce((sum, one) => sum + one, 0) / each.length);
    },
  };
}

async function scored(
  arrivals: readonly Arrival[],
  model: Trained,
  histories: Histories,
  popularity_I: Float64Array,
  signal: AbortSignal,
): Promise<Scored[]> {
  const users = usersOf(arrivals, model, histories);
  const own = await gainsOf(users, model, signal);
  const popularity = popularityScores(popularityIn(histories, model.vocabulary, popularity_I));
  const reference = await gainsOf(users, { ...model, scoreBatch: popularity }, signal);
  return arrivals.map(({ user }, k) => ({
    user,
    model: own[k]!,
    popularity: reference[k]!,
    isKnown: users[k]!.target.length > 0,
  }));
}

/** What each arrival is worth under a model; nothing where the model has never met the item. Throws TIME_LEAK. */
export async function gains(
  arrivals: readonly Arrival[],
  model: Trained,
  histories: Histories,
  signal: AbortSignal,
): Promise<Gain[]> {
  return gainsOf(usersOf(arrivals, model, histories), model, signal);
}

/**
 * Each arrival as a user whose target is the item, in the model's columns; without a target where the model has never
 * met it. Throws TIME_LEAK.
 */
function usersOf(arrivals: readonly Arrival[], model: Trained, histories: Histories): HeldOutUser[] {
  mustBeUnseen(arrivals, model.version, model.tableVersion);
  const columnOf = translation(histories.vocabulary.items, model.vocabulary);
  return arrivals.map(({ item, foldIn }) => {
    const target = model.vocabulary.column(item);
    return {
      foldIn: translated(foldIn, columnOf),
      target: target === undefined ? new Int32Array(0) : Int32Array.of(target),
    };
  });
}

async function gainsOf(
  users: readonly HeldOutUser[],
  { scoreBatch, vocabulary }: Judged,
  signal: AbortSignal,
): Promise<Gain[]> {
  const { perUser } = await finish(evaluation(scoreBatch, users, vocabulary.items.length, ks), signal);
  return users.map((_, k) => ({ recall: perUser["recall@20"][k] || 0, ndcg: perUser["ndcg@100"][k] || 0 }));
}
