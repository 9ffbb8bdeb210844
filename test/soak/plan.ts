// What happens to `up` and when: a pure function of the length and the seed. main.ts lets it happen.
import { legacyRandom } from "../../shared/corpus/mt19937.ts";

export const targets = [
  "replay",
  "ingest",
  "server",
  "trainer",
  "evaluator",
  "serve",
  "dashboard",
  "broker",
  "up",
] as const;
export type Target = (typeof targets)[number];
/** SIGKILL, SIGTERM, or SIGSTOP and SIGCONT some seconds later. */
export type How = "kill" | "term" | "stop";

export interface Blow {
  /** Seconds since the start of the phase. */
  readonly at: number;
  readonly target: Target;
  readonly how: How;
  /** How long it is stopped, seconds; 0 with the others. */
  readonly held: number;
  /** Which of several processes of that name. */
  readonly which: number;
}

export interface Step {
  readonly at: number;
  /** Of the clock against the true time, seconds. */
  readonly offset: number;
}

/** Each in seconds; times within a phase count from its start. */
export interface Plan {
  readonly chaos: { readonly seconds: number; readonly blows: readonly Blow[] };
  readonly disk: {
    readonly seconds: number;
    readonly full: readonly [from: number, to: number];
    readonly blows: readonly Blow[];
  };
  readonly clock: { readonly seconds: number; readonly steps: readonly Step[] };
  /** `warm` of its seconds are not judged: caches fill. */
  readonly quiet: { readonly seconds: number; readonly warm: number };
}

const SHORTEST_GAP = 4;
const LONGEST_GAP = 12;
/** Before a phase ends, so that what was struck stands again. */
const LAST_BLOW = 15;
export const SHORTEST = 180;

/** Of 30 minutes: 8 of chaos, 2 with a full disk, 2 with a wrong clock, 18 quiet, of which the last 8 are judged. */
export function planOf(seconds: number, seed: number): Plan {
  const share = (of30: number) => Math.round((seconds * of30) / 30);
  const [chaos, disk, clock] = [Math.max(60, share(8)), Math.max(40, share(2)), Math.max(48, share(2))];
  const quiet = Math.max(30, seconds - chaos - disk - clock);
  const full = [Math.round(disk * 0.05), Math.round(disk * 0.6)] as const;
  return {
    chaos: { seconds: chaos, blows: blowsOf(chaos, seed) },
    disk: { seconds: disk, full, blows: blowsWhileFull(full, seed + 1) },
    clock: { seconds: clock, steps: stepsOf(clock) },
    quiet: { seconds: quiet, warm: Math.round((quiet * 10) / 18) },
  };
}

/** Each target meets each kind of blow once before any does twice; gaps are drawn. */
function blowsOf(seconds: number, seed: number): Blow[] {
  const random = legacyRandom(seed);
  const between = (low: number, high: number) => low + random.interval(1000 * (high - low)) / 1000;
  const kinds = targets.flatMap((target) => (["kill", "term", "stop"] as const).map((how) => ({ target, how })));
  const blows: Blow[] = [];
  let deck: number[] = [];
  for (
    let at = between(SHORTEST_GAP, LONGEST_GAP);
    at < seconds - LAST_BLOW;
    at += between(SHORTEST_GAP, LONGEST_GAP)
  ) {
    if (deck.length === 0) deck = [...random.permutation(kinds.length)];
    const { target, how } = kinds[deck.pop()!]!;
    const isLong = random.interval(9) < 3;
    const longest = Math.min(40, (seconds - at) / 2);
    const held = how === "stop" ? Math.min(longest, isLong ? between(15, 40) : between(2, 6)) : 0;
    blows.push({ at, target, how, held, which: random.interval(0xffff) });
  }
  return blows;
}

/** Who starts on a full disk: those that write most, each killed once while there is no room. */
function blowsWhileFull([from, to]: readonly [number, number], seed: number): Blow[] {
  const victims = ["server", "ingest", "replay", "dashboard", "evaluator", "serve"] as const;
  const order = legacyRandom(seed).permutation(victims.length);
  const gap = (to - from) / (victims.length + 1);
  return [...order].map((victim, k) => ({
    at: from + gap * (k + 1),
    target: victims[victim]!,
    how: "kill",
    held: 0,
    which: 0,
  }));
}

/** Back an hour, right, forth by less than the hour after which Kafka refuses a time, right. */
function stepsOf(seconds: number): Step[] {
  const at = (part: number) => Math.round(seconds * part);
  return [
    { at: at(0.25), offset: -3600 },
    { at: at(0.45), offset: 0 },
    { at: at(0.55), offset: 3000 },
    { at: at(0.75), offset: 0 },
  ];
}
