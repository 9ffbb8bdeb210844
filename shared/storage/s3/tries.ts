// A request tried again where its failure passes: few times, further and further apart, and never for long, since
// whoever waits for a store tries all of it again anyway. Each try is counted.
import { AppError } from "../../errors/errors.ts";
import { sleep } from "../../runtime/lifecycle.ts";
import type { Bucket } from "./bucket.ts";
import { kindOf, refusal } from "./refusals.ts";

const MOST = 6;
/** No try begins later than this after the first. */
const PATIENCE_MS = 15_000;
const FIRST_WAIT_MS = 100;
const MOST_WAIT_MS = 5_000;

export interface Counts {
  requests: number;
  /** Of them those that were not the first of their kind. */
  again: number;
}

export interface World {
  now(): number;
  wait(ms: number): Promise<void>;
  random(): number;
}
const realWorld: World = { now: () => performance.now(), wait: (ms) => sleep(ms), random: Math.random };

/** After try `k`, from 1 on. Full jitter: many who were refused together do not come back together. */
const waitAfter = (k: number, random: number) => random * Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** k);

export type Outcome<T> = { readonly done: T } | { readonly refused: "absent" | "taken" };

export type Try = <T>(doing: string, request: () => Promise<T>) => Promise<Outcome<T>>;

/** Throws one of our errors for all that is neither done nor a plain no. */
export function trying(bucket: Pick<Bucket, "renew">, counts: Counts, world = realWorld): Try {
  return async (doing, request) => {
    const begun = world.now();
    for (let tries = 1; ; tries++) {
      counts.requests++;
      if (tries > 1) counts.again++;
      try {
        return { done: await request() };
      } catch (error) {
        if (error instanceof AppError) throw error;
        const kind = kindOf(error);
        if (kind === "absent" || kind === "taken") return { refused: kind };
        // Each of the two is mended by what the first refusal brought about: new credentials, the server's own time.
        if (kind === "expired") bucket.renew();
        const most = kind === "away" ? MOST : kind === "expired" || kind === "clock" ? 2 : 1;
        if (tries >= most || world.now() - begun > PATIENCE_MS) throw refusal(kind, error, doing, tries);
        await world.wait(waitAfter(tries, world.random()));
      }
    }
  };
}
