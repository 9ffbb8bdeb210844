// Files of JSON lines that a killed process may have left torn, and that another version may have written: what is of
// the shape counts, the rest is passed over. Pure.
import type { z } from "zod";

export function valuesIn<S extends z.ZodType>(lines: readonly string[], shape: S): z.output<S>[] {
  return lines.flatMap((line) => {
    try {
      const { success, data } = shape.safeParse(JSON.parse(line));
      return success ? [data] : [];
    } catch {
      return [];
    }
  });
}
