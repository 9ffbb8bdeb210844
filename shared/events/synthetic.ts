// The default stream: a made-up world of users with latent tastes, long-tailed items that appear over time, and tastes
// that drift, slowly by default, on wish not at all, or as news do. Every draw is keyed by (seed, purpose, number), and
// none is streamed: the event at any index is computed directly, so a stream resumes anywhere at once.

import { draw, shuffled } from "./draw.ts";

export interface SyntheticEvent {
  readonly user: string;
  readonly item: string;
}

/**
 * What of it drifts. slow: tastes, one at a time over hundreds of thousands of events, and items that appear. none:
 * nothing, all items are there from the beginning. fast: what is new is what is looked at, and sinks as more comes.
 */
export const drifts = ["none", "slow", "fast"] as const;
export type Drift = (typeof drifts)[number];

const GENRES = 24;
/** Small circles inside a genre: what two fans of one genre don't share. */
const NICHES = 4;
/** A genre is a list of this many items, best known first; an item stands in two lists. */
const LIST = 167;
const ITEMS = (GENRES * LIST) / 2;
const FIRST_ITEMS = 900;
/** Events until two thirds of the later items have appeared. */
const ARRIVAL = 90_000;
/** Events until a user has changed one of three tastes, on average. */
const DRIFT = 250_000;
const SLOTS = [0.55, 0.85, 1] as const;
/** Of fast drift: events until a genre has its next item, and what a taste's period is shorter by. */
const NEWS = 3_000;
const HURRY = 10;
/** One event in eight follows no taste: what everybody looks at. */
const MAINSTREAM = 0.12;

/** Purposes of draws: a different stream of numbers each. */
const draws = {
  user: 1,
  activity: 2,
  taste: 3,
  phase: 4,
  niche: 5,
  slot: 6,
  rank: 7,
  keep: 8,
  mainstream: 9,
  order: 10,
} as const;

/** Users that exist at an index: 400 at first, about 6,000 at 200,000, growing for ever, ever more slowly. */
export const usersAt = (index: number): number => Math.floor(400 + 12.5 * Math.sqrt(index));

/** Items that exist at an index: 900 at first, about 1,900 at 200,000, 2,004 in the end. */
export const itemsAt = (index: number): number =>
  Math.floor(FIRST_ITEMS + (ITEMS - FIRST_ITEMS) * (1 - Math.exp(-index / ARRIVAL)));

/** The stream of a seed: the event at each index, the same for ever. Times are the sender's matter. */
export function syntheticStream(seed: number, drift: Drift = "slow"): (index: number) => SyntheticEvent {
  return drift === "fast" ? newsStream(seed) : listedStream(seed, drift === "none");
}

/** `isStill`: as if it was the first moment for ever, but for the users who join. */
function listedStream(seed: number, isStill: boolean): (index: number) => SyntheticEvent {
  const lists = genreLists(seed);
  const everywhere = shuffled(seed, draws.order, GENRES, ITEMS);
  return (index) => {
    const user = drawUser(seed, index);
    const alive = isStill ? ITEMS : itemsAt(index);
    for (let attempt = 0; ; attempt++) {
      const key = index * 64 + attempt;
      const item =
        draw(seed, draws.mainstream, key) < MAINSTREAM
          ? everywhere[rankOf(draw(seed, draws.rank, key), ITEMS)]!
          : tasteful(seed, lists, user, isStill ? 0 : index, key);
      if (item < alive || attempt === 63) return { user: `u${user}`, item: `i${item % alive}` };
    }
  };
}

/**
 * Each genre is a paper: every so often it has a new item on its first rank, and all others sink by one; what has sunk
 * below the last never comes back.
 */
function newsStream(seed: number): (index: number) => SyntheticEvent {
  return (index) => {
    const user = drawUser(seed, index);
    const key = index * 64;
    const isMainstream = draw(seed, draws.mainstream, key) < MAINSTREAM;
    const taste = tasteOf(seed, user, HURRY * index, key);
    const genre = isMainstream ? Math.floor(draw(seed, draws.slot, key + 1) * GENRES) : taste.genre;
    const newest = Math.floor(index / NEWS + draw(seed, draws.phase, -1 - genre)) + LIST;
    // steeper than among what stays: what is new is what is looked at
    const number = newest - rankOf(draw(seed, draws.rank, key) ** 2, LIST);
    // Half of the time the niche decides: the nearest item that belongs to it.
    const isNarrow = !isMainstream && draw(seed, draws.keep, key) < 0.5;
    const own = number - (number % NICHES) + taste.niche;
    const narrowed = own > newest ? own - NICHES : own;
    return { user: `u${user}`, item: `g${genre}.${isNarrow ? narrowed : number}` };
  };
}

/** Users differ in how often they come: most rarely, a few all the time. */
function drawUser(seed: number, index: number): number {
  const users = usersAt(index);
  for (let attempt = 0; ; attempt++) {
    const key = index * 16 + attempt;
    const user = Math.floor(draw(seed, draws.user, key) * users);
    const activity = 0.08 + 0.92 * draw(seed, draws.activity, user) ** 3;
    if (attempt === 15 || draw(seed, draws.keep, key) < activity) return user;
  }
}

function tasteful(seed: number, lists: Int32Array[], user: number, index: number, key: number): number {
  const { genre, niche } = tasteOf(seed, user, index, key);
  const rank = rankOf(draw(seed, draws.rank, key), LIST);
  // Half of the time the niche decides: the nearest rank that belongs to it.
  const narrowed = draw(seed, draws.keep, key) < 0.5 ? Math.min(LIST - 1, rank - (rank % NICHES) + niche) : rank;
  return lists[genre]![narrowed]!;
}

/** The taste that a user follows in an event, as it is at an index. */
function tasteOf(seed: number, user: number, index: number, key: number): { genre: number; niche: number } {
  const chosen = draw(seed, draws.slot, key);
  const slot = SLOTS.findIndex((upTo) => chosen < upTo);
  // Each slot holds one genre for a long while, then another: tastes drift one at a time, and nobody's all at once.
  const phase = draw(seed, draws.phase, user * 4 + slot);
  const period = Math.floor(index / (DRIFT * 3) + phase);
  const taste = (user * 4 + slot) * 1024 + period;
  return {
    genre: Math.floor(draw(seed, draws.taste, taste) ** 1.5 * GENRES),
    niche: Math.floor(draw(seed, draws.niche, taste) * NICHES),
  };
}

/** Rank by a law with a long tail: density about 1 / (rank + 2). */
const rankOf = (uniform: number, length: number): number =>
  Math.min(length - 1, Math.floor(2 * ((1 + length / 2) ** uniform - 1)));

/** Each item stands in two genres, in each at a rank of its own. */
function genreLists(seed: number): Int32Array[] {
  const first = shuffled(seed, draws.order, GENRES + 1, ITEMS);
  const second = shuffled(seed, draws.order, GENRES + 2, ITEMS);
  return Array.from({ length: GENRES }, (_, genre) => {
    const half = ITEMS / GENRES;
    const both = [
      ...first.subarray(Math.floor(genre * half), Math.floor((genre + 1) * half)),
      ...second.subarray(Math.floor(genre * half), Math.floor((genre + 1) * half)),
    ];
    const order = shuffled(seed, draws.order, genre, both.length);
    return Int32Array.from({ length: LIST }, (_, rank) => both[order[rank % order.length]!]!);
  });
}
