// The default stream: a made-up world of users with latent tastes, long-tailed items that appear over time, and tastes
// that drift. Every draw is keyed by (seed, purpose, number), none is streamed: the event at any index is computed
// directly, so a stream resumes anywhere at once.

export interface SyntheticEvent {
  readonly user: string;
  readonly item: string;
}

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
export function syntheticStream(seed: number): (index: number) => SyntheticEvent {
  const lists = genreLists(seed);
  const everywhere = permutation(seed, GENRES, ITEMS);
  return (index) => {
    const user = drawUser(seed, index);
    const alive = itemsAt(index);
    for (let attempt = 0; ; attempt++) {
      const key = index * 64 + attempt;
      const item =
        draw(seed, draws.mainstream, key) < MAINSTREAM
          ? everywhere[rankOf(draw(seed, draws.rank, key), ITEMS)]!
          : tasteful(seed, lists, user, index, key);
      if (item < alive || attempt === 63) return { user: `u${user}`, item: `i${item % alive}` };
    }
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
  const chosen = draw(seed, draws.slot, key);
  const slot = SLOTS.findIndex((upTo) => chosen < upTo);
  // Each slot holds one genre for a long while, then another: tastes drift one at a time, and nobody's all at once.
  const phase = draw(seed, draws.phase, user * 4 + slot);
  const period = Math.floor(index / (DRIFT * 3) + phase);
  const taste = (user * 4 + slot) * 1024 + period;
  const genre = Math.floor(draw(seed, draws.taste, taste) ** 1.5 * GENRES);
  const niche = Math.floor(draw(seed, draws.niche, taste) * NICHES);
  const rank = rankOf(draw(seed, draws.rank, key), LIST);
  // Half of the time the niche decides: the nearest rank that belongs to it.
  const narrowed = draw(seed, draws.keep, key) < 0.5 ? Math.min(LIST - 1, rank - (rank % NICHES) + niche) : rank;
  return lists[genre]![narrowed]!;
}

/** Rank by a law with a long tail: density about 1 / (rank + 2). */
const rankOf = (uniform: number, length: number): number =>
  Math.min(length - 1, Math.floor(2 * ((1 + length / 2) ** uniform - 1)));

/** Each item stands in two genres, in each at a rank of its own. */
function genreLists(seed: number): Int32Array[] {
  const first = permutation(seed, GENRES + 1, ITEMS);
  const second = permutation(seed, GENRES + 2, ITEMS);
  return Array.from({ length: GENRES }, (_, genre) => {
    const half = ITEMS / GENRES;
    const both = [
      ...first.subarray(Math.floor(genre * half), Math.floor((genre + 1) * half)),
      ...second.subarray(Math.floor(genre * half), Math.floor((genre + 1) * half)),
    ];
    const order = permutation(seed, genre, both.length);
    return Int32Array.from({ length: LIST }, (_, rank) => both[order[rank % order.length]!]!);
  });
}

function permutation(seed: number, stream: number, n: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k--) {
    const other = Math.floor(draw(seed, draws.order, stream * 65536 + k) * (k + 1));
    [order[k], order[other]] = [order[other]!, order[k]!];
  }
  return order;
}

/** A uniform number in [0, 1) that is a pure function of its keys; `key` may exceed 32 bits. */
function draw(seed: number, purpose: number, key: number): number {
  let h = mix(Math.imul(seed, 0x9e3779b1) ^ Math.imul(purpose, 0x85ebca77));
  h = mix(h ^ (key | 0));
  h = mix(h ^ Math.floor(key / 4294967296));
  return (h >>> 0) / 4294967296;
}

/** A full avalanche of 32 bits (lowbias32). */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) | 0;
}
