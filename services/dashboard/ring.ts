// The history on disk, so that a reload and a restart keep it: one JSON line for what each look adds, rewritten as a
// whole from time to time.
import { z } from "zod";
import { valuesIn } from "../../shared/disk/json-lines.ts";
import { openLineFile } from "../../shared/disk/line-file.ts";
import { finish } from "../../shared/runtime/finish.ts";
import { emptyHistory, extend, type History, isEmpty, textOf } from "./history.ts";

/** An hour of samples: the file is never much longer than what it holds. */
const rewriteAfter = 720;
/** News between two tries while the disk refuses. */
const patience = 2;

const newline = Buffer.from("\n");
const unhurried = new AbortController().signal;

const series = z
  .object({ at: z.array(z.number()), columns: z.record(z.string(), z.array(z.number().nullable())) })
  .refine(
    ({ at, columns }) => Object.values(columns).every(({ length }) => length === at.length),
    "a column is shorter than the others",
  );
const line = z.object({ samples: series, rounds: series, evaluations: series, arrivals: series });

export interface Ring {
  readonly history: History;
  /**
   * Extends the history in memory at once, then on disk, where one piece is waited for before the next; never throws,
   * and a full disk costs nothing: what it has refused is written when there is room again.
   */
  keep(news: History): Promise<void>;
}

/**
 * `refused` hears of the first write that fails, and again once it has worked in between. A line that was cut short by
 * a crash, or is of another shape, is worth nothing, and the rest still is.
 */
export async function openRing(file: string, refused: (error: Error) => void): Promise<Ring> {
  const history = emptyHistory();
  const kept = await openLineFile(file).catch((error: Error) => ({
    lines: [],
    append: () => Promise.reject(error),
    rewrite: () => Promise.reject(error),
  }));
  for (const news of valuesIn(kept.lines, line)) extend(history, news);
  let written = kept.lines.length;
  /** News until the next try; undefined while the disk takes what comes. */
  let wait: number | undefined;
  return {
    history,
    keep: async (news) => {
      if (isEmpty(news)) return;
      extend(history, news);
      if (wait !== undefined && wait-- > 0) return;
      try {
        if (wait === undefined && written < rewriteAfter) await kept.append(JSON.stringify(news));
        // with all that was refused
        else await kept.rewrite(Buffer.concat([await finish(textOf(history), unhurried), newline]));
        written = wait === undefined && written < rewriteAfter ? written + 1 : 1;
        wait = undefined;
      } catch (error) {
        if (wait === undefined) refused(error as Error);
        wait = patience;
      }
    },
  };
}
