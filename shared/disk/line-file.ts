// A file of lines that only grows at its end. A line stands there whole or not at all: what a full disk has let through
// of one is cut off again, and what a killed process left of its last one is no line. Between the evaluator's and the
// dashboard's memory and the disk.
import { appendFile, readFile, stat, truncate } from "node:fs/promises";
import { writeWhole } from "./whole-file.ts";

export interface LineFile {
  /** As they were when it was opened; the last may be half a line. */
  readonly lines: readonly string[];
  /** Throws the system's refusal, with nothing added. */
  append(line: string): Promise<void>;
  /** All of it anew, with the last line's end: readers see the old file or the new one. Throws likewise. */
  rewrite(text: string | Uint8Array): Promise<void>;
}

/** A file that is not there has no lines. */
export async function openLineFile(file: string): Promise<LineFile> {
  const text = await readFile(file, "utf8").catch(ifGone(""));
  /** Whether the file may end in half a line: then the next one begins with a line's end. */
  let isTorn = text !== "" && !text.endsWith("\n");
  return {
    lines: text.split("\n").filter((line) => line !== ""),
    append: async (line) => {
      const size = await stat(file).then((found) => found.size, ifGone(0));
      try {
        await appendFile(file, `${isTorn ? "\n" : ""}${line}\n`);
        isTorn = false;
      } catch (error) {
        await truncate(file, size).catch(() => {
          isTorn = true;
        });
        throw error;
      }
    },
    rewrite: async (text) => {
      await writeWhole(file, text);
      isTorn = false;
    },
  };
}

function ifGone<T>(otherwise: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code !== "ENOENT") throw error;
    return otherwise;
  };
}
