// Amounts of memory and disk on the command line: 512MB, 1.5GB, 64MiB.
import { z } from "zod";

const units: Readonly<Record<string, number>> = { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** Bytes, written with a unit. */
export const size = (least: string, most: string) =>
  z.string().transform((text, context) => {
    const bytes = bytesOf(text);
    if (bytes !== undefined && bytes >= bytesOf(least)! && bytes <= bytesOf(most)!) return bytes;
    context.addIssue({ code: "custom", message: `give an amount from ${least} to ${most}, such as ${least}` });
    return z.NEVER;
  });

function bytesOf(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([kKMG]i?B|B)$/.exec(text.trim()) ?? [];
  const factor = units[unit ?? ""];
  return amount === undefined || factor === undefined ? undefined : Math.floor(Number(amount) * factor);
}
