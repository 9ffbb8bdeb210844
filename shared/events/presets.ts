// Made-up worlds of the size of known data sets: as many users, items and events, users who come rarely and users who
// come all the time, tastes, items that nearly nobody knows. No user has an item twice. Every draw is keyed, so that
// the event at any index is computed directly; what is held is a number for each user and item.
import { draw, drawer, shuffled } from "./draw.ts";
import type { SyntheticEvent } from "./synthetic.ts";

export interface Preset {
  readonly users: number;
  readonly items: number;
  readonly events: number;
  /** Events of whoever has the fewest. */
  readonly least: number;
}

/** Sizes as the papers on autoencoders count them. */
export const presets = {
  netflix: { users: 463_435, items: 17_769, events: 56_900_000, least: 5 },
  msd: { users: 571_355, items: 41_140, events: 33_600_000, least: 20 },
  ml20m: { users: 136_677, items: 20_720, events: 10_000_000, least: 5 },
} as const satisfies Record<string, Preset>;
export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];

/** Purposes of draws: a different stream of numbers each, and none of synthetic.ts. */
const draws = { activity: 21, favourite: 22, step: 23, offset: 24, block: 25, items: 26 } as const;

/** A prime: with every step through them each genre comes once. */
const GENRES = 61;
/** Tastes of a user whose genres don't run out of items, and how much of the events is of each and those before. */
const SHARES = [0.4, 0.65, 0.82, 0.93, 1] as const;
/** How much more often come those who come often: a Weibull law of shape 1 / it, whose mean is GAMMA. */
const SKEW = 1.3;
/** Of 1 + SKEW. */
const GAMMA = 1.16671;
/** Ranks within which a user's own order differs from everybody's: a power of 2. */
const BLOCK = 16;
/** Events that share a hint of whose they are. */
const HINT = 64;

/** Of so many events a world has its part of the users, each with as many events as in the whole, and all items. */
export function presetOf(name: PresetName, events: number = presets[name].events): Preset {
  const whole = presets[name];
  const share = Math.min(1, events / whole.events);
  return { ...whole, users: Math.max(1, Math.round(whole.users * share)), events: Math.min(events, whole.events) };
}

/** The event at each index below `events`, the same for ever: each of a world's events once, in no order. */
export function presetStream(preset: Preset, seed: number): (index: number) => SyntheticEvent {
  const { items, events } = preset;
  const ends = endsOf(preset, seed);
  const hints = hintsOf(ends, events);
  const placeIn = placesOf(seed, items);
  const order = shuffled(seed, draws.items, 0, items);
  const stride = strideOf(events);
  return (index) => {
    const place = (index * stride) % events;
    let user = hints[Math.floor(place / HINT)]!;
    while (ends[user]! <= place) user++;
    const start = user === 0 ? 0 : ends[user - 1]!;
    return { user: `u${user}`, item: `i${order[placeIn(user, place - start, ends[user]! - start)]!}` };
  };
}

/** Where each user's events end, of all events one user's after the other's. */
function endsOf({ users, events, least }: Preset, seed: number): Int32Array {
  const base = Math.min(least, Math.floor(events / users));
  const scale = (events / users - base) / GAMMA;
  const counts = Float64Array.from({ length: users }, (_, user) => {
    const rare = -Math.log(1 - draw(seed, draws.activity, user));
    return base + scale * rare ** SKEW;
  });
  // The draws' own mean is not the law's: what is beyond the least is stretched to the number that is wanted.
  const beyond = counts.reduce((sum, count) => sum + count - base, 0);
  const stretch = beyond === 0 ? 1 : (events - base * users) / beyond;
  const ends = new Int32Array(users);
  let sum = 0;
  for (let user = 0; user < users; user++) {
    sum += base + (counts[user]! - base) * stretch;
    ends[user] = Math.round(sum);
  }
  ends[users - 1] = events;
  return ends;
}

/** The user of every so-manieth place: whose the others are is a few users on. */
function hintsOf(ends: Int32Array, events: number): Int32Array {
  const hints = new Int32Array(Math.floor((events - 1) / HINT) + 1);
  let user = 0;
  for (let k = 0; k < hints.length; k++) {
    while (ends[user]! <= k * HINT) user++;
    hints[k] = user;
  }
  return hints;
}

/** Where each genre begins among the items: those that fewer follow are the longer ones. */
function startsOf(items: number): Int32Array {
  const weight = (genre: number) => 0.4 + (1.2 * genre) / (GENRES - 1);
  const starts = new Int32Array(GENRES + 1);
  let sum = 0;
  for (let genre = 0; genre < GENRES; genre++) {
    sum += weight(genre) / GENRES;
    starts[genre + 1] = Math.round(sum * items);
  }
  starts[GENRES] = items;
  return starts;
}

/** Near the golden section of the events, and without a divisor in common with their number. */
function strideOf(events: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let stride = Math.max(1, Math.floor(events * 0.6180339887));
  while (divisor(stride, events) !== 1) stride++;
  return stride;
}

/** The k-th of a user's n items, as a place in the genres' lists. */
function placesOf(seed: number, items: number): (user: number, k: number, n: number) => number {
  const starts = startsOf(items);
  // of the shortest genre no more than about a half
  const most = Math.max(1, Math.floor((0.4 * items) / GENRES / 2));
  const laws = lawsOf(starts, most + 1);
  const [favourite, step, offset, block] = ([draws.favourite, draws.step, draws.offset, draws.block] as const).map(
    (purpose) => drawer(seed, purpose),
  ) as [Drawer, Drawer, Drawer, Drawer];
  const taste = { number: 0, at: 0, count: 0 };
  return (user, k, n) => {
    tasteAt(k, n, most, taste);
    // Half of the genres have seven tenths of the favourites; the others come in a step of the user's own.
    const first = Math.floor(favourite(user) ** 2 * GENRES);
    const genre = (first + taste.number * (1 + Math.floor(step(user) * (GENRES - 1)))) % GENRES;
    const key = user * 64 + taste.number;
    const [from, to] = [starts[genre]!, starts[genre + 1]!];
    const rank = rankOf(laws[genre]![taste.count]!, taste.at, offset(key));
    const own = rank - (rank % BLOCK);
    // Only in whole blocks: what lies beyond the list would be another genre's.
    return own + BLOCK <= to - from ? from + own + ((rank % BLOCK) ^ (block(key * 256 + own) * BLOCK)) : from + rank;
  };
}

type Drawer = ReturnType<typeof drawer>;

/** Which of a user's tastes the k-th of n events follows: the first has most; who has many events has many tastes. */
function tasteAt(k: number, n: number, most: number, taste: { number: number; at: number; count: number }): void {
  let [number, from, to] = [0, 0, 0];
  if (SHARES[0] * n > most) {
    const tastes = Math.min(GENRES, Math.max(SHARES.length, Math.ceil(n / most)));
    number = Math.floor((k * tastes) / n);
    from = Math.ceil((number * n) / tastes);
    to = Math.ceil(((number + 1) * n) / tastes);
  } else
    for (to = Math.round(SHARES[0] * n); k >= to; to = Math.round(SHARES[number]! * n)) {
      from = to;
      number++;
    }
  [taste.number, taste.at, taste.count] = [number, k - from, to - from];
}

/** How n different ranks of a list are spread. */
interface Law {
  /** So many ranks of the head are taken one after the other: from there on two lie at least one apart. */
  readonly apart: number;
  readonly rate: number;
  /** exp(rate), less 1, and exp(rate * apart). */
  readonly growth: number;
  readonly begin: number;
}

/** Of each genre for each number of ranks below `most` + 1. Density about 1 / (rank + 2): a long tail. */
const lawsOf = (starts: Int32Array, most: number): Law[][] =>
  Array.from({ length: GENRES }, (_, genre) => {
    const length = starts[genre + 1]! - starts[genre]!;
    return Array.from({ length: most + 1 }, (_, n): Law => {
      const rate = Math.log(1 + Math.max(0, length - n) / 2) / n;
      const growth = Math.expm1(rate);
      const apart = Math.max(0, Math.min(n, Math.ceil(-Math.log(2 * growth) / rate)));
      return { apart, rate, growth, begin: Math.exp(rate * apart) };
    });
  });

/** The k-th rank of a law; `offset` below 1 moves all of them a bit. */
const rankOf = ({ apart, rate, growth, begin }: Law, k: number, offset: number): number =>
  k <= apart ? k : Math.floor(apart + 2 * (1 + offset * growth) * (Math.exp(rate * k) - begin));
