// The history on disk, so that a reload and a restart keep it: one JSON line for what each look adds, rewritten as a whole from time to time.
import { appendFile, readFile } from "node:fs/promises";
import { z } from "zod";
import { finish } from "../../shared/runtime/finish.ts";
import { valuesIn } from "../../shared/runtime/json-lines.ts";
import { writeWhole } from "../../shared/runtime/whole-file.ts";
import { emptyHistory, extend, type History, isEmpty, textOf } from "./history.ts";

/** An hour of samples: the file is never much longer than what it holds. */
const rewriteAfter = 720;

const newline = Buffer.from("\n");
const unhurried = new AbortController().signal;

const series = z
  .object({ at: z.array(z.number()), columns: z.record(z.string(), z.array(z.number().nullable())) })
  .refine(({ at, columns }) => Object.values(columns).every(({ length }) => length === at.length), "a column is shorter than the others");
const line = z.object({ samples: series, rounds: series, evaluations: series, arrivals: series });

export interface Ring {
  readonly history: History;
  /** Extends the history in memory at once, then on disk, where one piece is waited for before the next; never throws, a full disk costs the history and not the page. */
  keep(news: History): Promise<void>;
}

/** `refused` hears of the first write that fails. A line that was cut short by a crash, or is of another shape, is worth nothing, and the rest still is. */
export async function openRing(file: string, refused: (error: Error) => void): Promise<Ring> {
  const history = emptyHistory();
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").filter((each) => each !== "");
  for (const news of valuesIn(lines, line)) extend(history, news);
  let written = text === "" || text.endsWith("\n") ? lines.length : rewriteAfter; // after half a line nothing is appended
  let told = false;
  return {
    history,
    keep: async (news) => {
      if (isEmpty(news)) return;
      extend(history, news);
      try {
        if (written < rewriteAfter) await appendFile(file, `${JSON.stringify(news)}\n`);
        else await writeWhole(file, Buffer.concat([await finish(textOf(history), unhurried), newline]));
        written = written < rewriteAfter ? written + 1 : 1;
      } catch (error) {
        if (!told) refused(error as Error);
        told = true;
      }
    },
  };
}
