// A file of JSON lines that only grows at its end: what is measured survives a restart.
import type { z } from "zod";
import { valuesIn } from "../../shared/disk/json-lines.ts";
import { openLineFile } from "../../shared/disk/line-file.ts";
import type { Patience } from "../../shared/runtime/patience.ts";

export interface Lines<T> {
  /** The newest, oldest first. */
  readonly recent: readonly T[];
  /** Returns when it is on disk, with `through` after waiting for room. */
  append(line: T): Promise<void>;
}

/**
 * Lines of another shape are passed over. Keeps `shown` in memory; when it opens a file of more than twice `kept`
 * lines, it leaves the newest `kept`.
 */
export async function openLines<S extends z.ZodType>(
  file: string,
  shape: S,
  shown: number,
  kept: number,
  through: Patience["through"] = async (_, work) => await work(),
): Promise<Lines<z.output<S>>> {
  const { lines, append, rewrite } = await openLineFile(file);
  const recent = valuesIn(lines.slice(-shown), shape);
  if (lines.length > 2 * kept)
    await through(`${file} cannot be cut down`, () => rewrite(`${lines.slice(-kept).join("\n")}\n`));
  return {
    recent,
    async append(line) {
      await through(`${file} cannot be written`, () => append(JSON.stringify(line)));
      recent.push(line);
      if (recent.length > shown) recent.shift();
    },
  };
}
