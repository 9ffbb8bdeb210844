// While the disk refuses, what was to be done is tried again and told, until a drain's time is over.
import type { AppError } from "../../shared/errors/errors.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { tryAgain } from "../../shared/runtime/patience.ts";
import type { News } from "./news.ts";

export interface DiskPatience {
  /** Once the disk lets it; the last refusal is its answer when the time is over. */
  reading<T>(work: () => Promise<T>): Promise<T>;
  writing<T>(work: () => Promise<T>): Promise<T>;
  /** From now on no longer than so. */
  endIn(ms: number): void;
  readonly isEnding: boolean;
}

/** `retryMs`: between two tries. */
export function openDiskPatience(retryMs: number, tell: (news: News) => void, log: Log): DiskPatience {
  let giveUpAt = Number.POSITIVE_INFINITY;
  const isOver = () => performance.now() > giveUpAt;
  const waits = (what: string) => (refusal: AppError, first: boolean) => {
    if (first) log.error({ code: refusal.code }, `${what}: ${refusal.facts.what}. Nothing is lost; trying again`);
    tell({ type: "stalled", reason: `${what}: ${refusal.facts.what}` });
  };
  return {
    reading: (work) => tryAgain(work, { retryMs, refused: waits("cannot read the tables"), isOver }),
    writing: (work) => tryAgain(work, { retryMs, refused: waits("cannot write"), isOver }),
    endIn: (ms) => {
      giveUpAt = performance.now() + ms;
    },
    get isEnding() {
      return giveUpAt !== Number.POSITIVE_INFINITY;
    },
  };
}
