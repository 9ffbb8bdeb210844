// The history on disk, so that a reload and a restart keep it: one JSON line per second, rewritten when it has grown to twice what it holds.
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";
import { emptyHistory, extend, type History } from "./history.ts";

const rewriteAfter = 7200;

export interface Ring {
  readonly history: History;
  /** Extends the history in memory, then on disk; never throws, a full disk costs the history and not the page. */
  keep(news: History): Promise<void>;
}

/** `refused` hears of the first write that fails. */
export async function openRing(file: string, refused: (error: Error) => void): Promise<Ring> {
  const history = emptyHistory();
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  for (const line of lines) extend(history, parse(line));
  let written = lines.length;
  let told = false;
  return {
    history,
    keep: async (news) => {
      extend(history, news);
      try {
        if (written < rewriteAfter) await appendFile(file, `${JSON.stringify(news)}\n`);
        else {
          await writeFile(`${file}.tmp`, `${JSON.stringify(history)}\n`);
          await rename(`${file}.tmp`, file);
        }
        written = written < rewriteAfter ? written + 1 : 1;
      } catch (error) {
        if (!told) refused(error as Error);
        told = true;
      }
    },
  };
}

/** A line cut short by a crash is worth nothing, and the rest still is. */
function parse(line: string): History {
  try {
    return { ...emptyHistory(), ...(JSON.parse(line) as Partial<History>) };
  } catch {
    return emptyHistory();
  }
}
