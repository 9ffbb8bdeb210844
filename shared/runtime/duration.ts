// Spans of time on the command line: 90s, 15m, 168h, 7d.
import { z } from "zod";

const units: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/** ms, written with a unit; `most` is the longest allowed. */
export const duration = (most: string) =>
  z.string().transform((text, context) => {
    const ms = msOf(text);
    if (ms !== undefined && ms <= msOf(most)!) return ms;
    context.addIssue({ code: "custom", message: `give a time of at most ${most}, such as 168h` });
    return z.NEVER;
  });

function msOf(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([smhd])$/.exec(text.trim()) ?? [];
  return amount === undefined ? undefined : Number(amount) * units[unit!]!;
}
