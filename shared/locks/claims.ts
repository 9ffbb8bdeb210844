// The rules of a lock. Who wants it makes a file of a name that nobody else ever makes, a claim, and then looks: it
// holds the lock when no other claim of somebody alive is there. Of two who see each other, the later one's look came
// after both claims, so never do both hold it; the name that sorts first stays, the others withdraw. A name says whose
// it is, so a claim is never torn, and a dead one is removed without harm to whoever came since. Pure; lock.ts acts.
import type { Identity, Proof } from "../runtime/identity.ts";

export interface Claim extends Identity {
  /** File name. */
  readonly name: string;
  readonly host: string;
}

/** One look at a claim. */
export interface Seen {
  readonly claim: Claim;
  readonly proof: Proof;
  /** Time of its last beat, as its file says it: only whether it changes counts, by whatever clock it was made. */
  readonly beat: number;
}

/** What is known of a claim from all looks so far. */
interface Watched {
  readonly beat: number;
  readonly hasBeaten: boolean;
  /** Milliseconds for which it gave no sign of life. */
  readonly silent: number;
  /** Milliseconds for which it has been in the way. */
  readonly inTheWay: number;
}

/** By the names of others' claims. */
export type Watch = ReadonlyMap<string, Watched>;

export type Step =
  | { readonly type: "claim" | "hold" }
  /** Remove our claim, and look again later. */
  | { readonly type: "withdraw"; readonly holder: Holder }
  | { readonly type: "wait"; readonly holder: Holder }
  /** Remove these claims, without which their owners may do nothing any more, and look again. */
  | { readonly type: "evict"; readonly names: readonly string[] };

/** Who is in the way. */
export interface Holder {
  readonly claim: Claim;
  /** It is alive beyond doubt, and not about to end. */
  readonly isSure: boolean;
}

export const BEAT_MS = 1_000;
/** Somebody who cannot be seen is gone after so long without a beat; one who computes without a pause has as long. */
const SILENT_MS = 20_000;
/** Between two looks no more than this counts: who stood still, with the whole machine perhaps, has not watched. */
const MOST_BETWEEN_MS = 500;
/** So long an end is waited for: of who lives, and may have been told to end; of who was killed. */
const LIVES_MS = 2_000;
const DYING_MS = 10_000;

export const unwatched: Watch = new Map();

/**
 * `mine`: our claim, which `seen` holds too unless somebody has removed it. `elapsed`: milliseconds since the look
 * before. To remove those that `gone` names harms nobody, and helps who comes next.
 */
export function decide(
  watch: Watch,
  mine: string | undefined,
  seen: readonly Seen[],
  elapsed: number,
): { watch: Watch; step: Step; gone: string[] } {
  const between = Math.min(elapsed, MOST_BETWEEN_MS);
  const others = seen.filter(({ claim }) => claim.name !== mine);
  const living = others
    .filter(({ proof }) => proof !== "gone")
    .map((each) => ({ ...each, ...watched(watch.get(each.claim.name), each.beat, between) }));
  const isThere = others.length < seen.length;
  return {
    watch: new Map(living.map((each) => [each.claim.name, each])),
    step: stepOf(mine, isThere, living),
    gone: others.filter(({ proof }) => proof === "gone").map(({ claim }) => claim.name),
  };
}

function stepOf(mine: string | undefined, isThere: boolean, living: readonly (Seen & Watched)[]): Step {
  const names = living
    .filter(({ proof, silent }) => proof === "unknown" && silent >= SILENT_MS)
    .map(({ claim }) => claim.name);
  if (names.length > 0) return { type: "evict", names };
  if (living.length === 0) return { type: isThere ? "hold" : "claim" };
  const longest = living.reduce((most, each) => (each.inTheWay > most.inTheWay ? each : most)); // others wait as we do
  const isFirst = living.every(({ claim }) => mine! < claim.name);
  return { type: isThere && !isFirst ? "withdraw" : "wait", holder: { claim: longest.claim, isSure: isSure(longest) } };
}

function watched(before: Watched | undefined, beat: number, between: number): Watched {
  if (!before) return { beat, hasBeaten: false, silent: 0, inTheWay: 0 };
  const beats = before.beat !== beat;
  return {
    beat,
    hasBeaten: before.hasBeaten || beats,
    silent: beats ? 0 : before.silent + between,
    inTheWay: before.inTheWay + between,
  };
}

function isSure({ proof, hasBeaten, inTheWay }: Seen & Watched): boolean {
  if (proof === "unknown") return hasBeaten;
  return inTheWay >= (proof === "dying" ? DYING_MS : LIVES_MS);
}

/** `draw`: twelve hexadecimal digits by chance, in whose order who came together takes turns. */
export function claimName(base: string, draw: string, { pid, started, place }: Identity, host: string): string {
  return [base, draw, pid, started || "-", place || "-", host.replace(/[^A-Za-z0-9-]/g, "-").slice(0, 40)].join(".");
}

/** Undefined when the file is no claim of this lock. */
export function claimOf(base: string, name: string): Claim | undefined {
  if (!name.startsWith(`${base}.`)) return undefined;
  const parts = /^[0-9a-f]{12}\.(\d+)\.(\d+|-)\.([0-9a-f]{12}|-)\.([A-Za-z0-9-]*)$/.exec(name.slice(base.length + 1));
  if (!parts) return undefined;
  const [, pid, started, place, host] = parts as unknown as [string, string, string, string, string];
  return { name, pid: Number(pid), started: started === "-" ? "" : started, place: place === "-" ? "" : place, host };
}
