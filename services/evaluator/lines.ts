// A file of JSON lines that only grows at its end: what is measured survives a restart.
import { appendFile, readFile } from "node:fs/promises";
import type { z } from "zod";
import { valuesIn } from "../../shared/runtime/json-lines.ts";
import { writeWhole } from "../../shared/runtime/whole-file.ts";

export interface Lines<T> {
  /** The newest, oldest first. */
  readonly recent: readonly T[];
  append(line: T): Promise<void>;
}

/** Lines of another shape are passed over. Keeps `shown` in memory; when it opens a file of more than twice `kept` lines, it leaves the newest `kept`. */
export async function openLines<S extends z.ZodType>(file: string, shape: S, shown: number, kept: number): Promise<Lines<z.output<S>>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.split("\n").filter((line) => line !== "");
  const recent = valuesIn(lines.slice(-shown), shape);
  let torn = text !== "" && !text.endsWith("\n");
  if (lines.length > 2 * kept) {
    await writeWhole(file, `${lines.slice(-kept).join("\n")}\n`);
    torn = false;
  }
  return {
    recent,
    async append(line) {
      await appendFile(file, `${torn ? "\n" : ""}${JSON.stringify(line)}\n`);
      torn = false;
      recent.push(line);
      if (recent.length > shown) recent.shift();
    },
  };
}
