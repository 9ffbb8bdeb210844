// One process at a time. No end leaves a lock behind, whatever it was: who made a claim is proven alive by number and
// start, or, where it cannot be seen (another container or machine, a system without /proc), by its beat. On every file
// system that lists what was made: no links, no locks of the system's own.
import { existsSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError, type Facts } from "../errors/errors.ts";
import { ownIdentity } from "../runtime/identity.ts";
import { sleep } from "../runtime/lifecycle.ts";
import { lookAt, makeClaim, mustStillHold, type OwnClaim, tryToRemove } from "./claim-files.ts";
import { BEAT_MS, decide, type Holder, unwatched } from "./claims.ts";

export { mustStillHold };

export interface Held {
  /** Path of the claim: other threads ask `mustStillHold` for it. */
  readonly claim: string;
  /** To be called before something is written that others see. Throws LOCK_LOST. */
  mustHold(): void;
  release(): void;
}

/** Looks follow each other quickly at first: most locks are held for moments. */
const [SOON_MS, LATER_MS, SAID_MS] = [15, 100, 500];

/**
 * Runs the body while this process holds the lock `file`; waits for another holder, and says so. Throws the signal's
 * reason when that fires first.
 */
export async function exclusively<T>(
  file: string,
  signal: AbortSignal | undefined,
  body: (held: Held) => Promise<T>,
): Promise<T> {
  const held = keep(await acquire(file, signal), () => {}); // the body asks by itself
  try {
    return await body(held);
  } finally {
    held.release();
  }
}

/**
 * Takes the lock until it is released, or for the rest of this process's life. Throws ALREADY_RUNNING with these facts
 * when its holder lives on; one that is about to end, or to be proven dead, is waited for. Later on LOCK_LOST ends the
 * process when it stood still for so long that others had to take it for dead.
 */
export async function take(file: string, signal: AbortSignal | undefined, facts: Facts): Promise<Held> {
  const claim = await acquire(
    file,
    signal,
    ({ claim: { pid, host, place } }) =>
      new AppError("ALREADY_RUNNING", { ...facts, pid, ...(isHere(place) ? {} : { host }) }),
  );
  return keep(claim, (error) => {
    throw error;
  });
}

/** `refusal`: what is thrown instead of waiting for somebody who is alive beyond doubt. */
async function acquire(
  file: string,
  signal: AbortSignal | undefined,
  refusal?: (holder: Holder) => AppError,
): Promise<OwnClaim> {
  const inFolder = (name: string) => join(dirname(file), name);
  removeOld(file);
  const startedAt = performance.now();
  let [watch, lookedAt, beatAt, isSaid] = [unwatched, startedAt, startedAt, false];
  let mine: OwnClaim | undefined;
  const withdraw = () => {
    mine?.remove();
    mine = undefined;
  };
  try {
    while (true) {
      signal?.throwIfAborted();
      const now = performance.now();
      const decided = decide(watch, mine && basename(mine.path), lookAt(file), now - lookedAt);
      const { step } = decided;
      [watch, lookedAt] = [decided.watch, now];
      for (const name of decided.gone) tryToRemove(inFolder(name));
      switch (step.type) {
        case "hold": {
          const claim = mine!;
          mine = undefined;
          return claim;
        }
        case "claim":
          withdraw();
          mine = makeClaim(file);
          continue;
        case "evict":
          // must succeed: by this its owner learns of it
          for (const name of step.names) rmSync(inFolder(name), { force: true });
          continue;
        case "withdraw":
          withdraw();
      }
      if (refusal && step.holder.isSure) throw refusal(step.holder);
      if (!isSaid && now - startedAt > SAID_MS) process.stderr.write(`${waiting(file, step.holder)}\n`);
      isSaid ||= now - startedAt > SAID_MS;
      if (mine && now - beatAt > BEAT_MS) {
        beatAt = now;
        quietly(mine.beat); // one that is gone is made again
      }
      await sleep((isSaid ? LATER_MS : SOON_MS) * (0.5 + Math.random()), signal);
    }
  } finally {
    withdraw();
  }
}

/** Earlier versions wrote a number into the file itself, which nobody does now. */
function removeOld(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() && found.size < 32) tryToRemove(file);
}

/** `told` hears once when the lock is lost. */
function keep({ path, beat, remove }: OwnClaim, lost: (error: unknown) => void): Held {
  const beating = setInterval(() => {
    const error = quietly(beat);
    if (!(error instanceof AppError)) return; // such as no descriptor free: the next one may succeed
    if (!existsSync(dirname(path))) return; // somebody has removed all of it, and nobody took anything over
    clearInterval(beating);
    lost(error);
  }, BEAT_MS).unref();
  return {
    claim: path,
    mustHold: beat,
    release: () => {
      clearInterval(beating);
      remove();
    },
  };
}

function quietly(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
}

const isHere = (place: string) => place !== "" && place === ownIdentity().place;

function waiting(file: string, { claim: { pid, place, host } }: Holder): string {
  return (
    `waiting for process ${pid}${isHere(place) ? "" : ` of another machine or container (${host})`}, which ` +
    `holds ${file}`
  );
}
