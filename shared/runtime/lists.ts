// Lists on the command line: `1Gbit,10Gbit`; numbers, which dots may double: `1,2,4,...,64`.
import { z } from "zod";

/** Values that `each` reads, between commas. */
export function listOf<T>(each: z.ZodType<T, string>) {
  return z.string().transform((text, context) => {
    const parsed = z.array(each).min(1).safeParse(text.split(","));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: "custom", message: parsed.error.issues[0]!.message });
    return z.NEVER;
  });
}

/** Whole numbers from 1 to `most`. */
export function numbers(most: number) {
  return z.string().transform((text, context) => {
    const found = doubled(text.split(","));
    if (found.every((number) => Number.isInteger(number) && number >= 1 && number <= most)) return found;
    context.addIssue({
      code: "custom",
      message: `give whole numbers from 1 to ${most}, such as 2 or 1,2,4,...,${most}`,
    });
    return z.NEVER;
  });
}

/** Dots double what stands before them, up to what stands behind. NaN where they cannot. */
function doubled(parts: readonly string[]): number[] {
  return parts.flatMap((part, k) => {
    if (part !== "...") return [Number(part || Number.NaN)];
    const [before, end] = [Number(parts[k - 1]), Number(parts[k + 1])];
    if (!(before >= 1 && end > before)) return [Number.NaN];
    return Array.from(
      { length: Math.ceil(Math.log2(end / before)) - 1 },
      (_, doublings) => before * 2 ** (doublings + 1),
    );
  });
}
