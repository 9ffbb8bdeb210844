// A time as producers write it, to milliseconds since 1970: numbers by their unit or their size, text by ISO 8601.
// Pure.
import { inMs, instantOf, isCalendar, type TimeUnit, unitBySize } from "../times.ts";
import type { Found } from "./want.ts";

/** NaN where it is no time, or nobody can tell its unit: a small number might be anything. */
export function msOf(time: Found, unit: TimeUnit | null): number {
  switch (typeof time) {
    case "number":
      return msOfNumber(time, unit);
    case "bigint": {
      const scale = unit ?? unitBySize(Number(time));
      // exact: as a number it has lost digits, though none that a millisecond would miss, but for the last
      if (scale === "ns") return Number(time / 1_000_000n);
      return scale === "us" ? Number(time / 1_000n) : Number.NaN;
    }
    case "string":
      return msOfText(time.trim(), unit);
    default:
      return Number.NaN;
  }
}

function msOfNumber(time: number, unit: TimeUnit | null): number {
  const scale = unit ?? (isCalendar(time) ? "iso" : unitBySize(time));
  return scale === undefined ? Number.NaN : inMs(time, scale);
}

function msOfText(text: string, unit: TimeUnit | null): number {
  if (unit !== "iso" && /^\d+(\.\d+)?$/.test(text)) {
    if (/^\d{16,40}$/.test(text)) return msOf(BigInt(text), unit);
    return msOfNumber(Number(text), unit);
  }
  return instantOf(text)?.ms ?? Number.NaN;
}
