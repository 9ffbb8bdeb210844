// Amounts with a unit on the command line: memory and disk (512MB, 1.5GB, 64MiB), spans of time (1ms, 90s, 15m, 168h,
// 7d), links (1Gbit).
import { z } from "zod";

type Units = Readonly<Record<string, number>>;

const bytes: Units = { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const bits: Units = { Mbit: 1e6, Gbit: 1e9 };
const milliseconds: Units = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/** Whole bytes. */
export const size = (least: string, most: string) =>
  amount(
    bytes,
    numberOf(least, bytes)!,
    numberOf(most, bytes)!,
    `give an amount from ${least} to ${most}, such as ${least}`,
  ).transform(Math.floor);

/** ms; `most` is the longest allowed. */
export const duration = (most: string) =>
  amount(milliseconds, 0, numberOf(most, milliseconds)!, `give a time of at most ${most}, such as 168h`);

/** Bits a second. */
export const bandwidth = () => amount(bits, 1e6, 1e12, "give a link from 1Mbit to 1000Gbit, such as 10Gbit");

function amount(units: Units, least: number, most: number, message: string) {
  return z.string().transform((text, context) => {
    const number = numberOf(text, units);
    if (number !== undefined && number >= least && number <= most) return number;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

function numberOf(text: string, units: Units): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text.trim()) ?? [];
  const factor = Object.hasOwn(units, unit ?? "") ? units[unit!]! : undefined;
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
