// Times in cells: ISO 8601 in its common forms, and numbers whose unit all times of a file decide together, for one
// alone can be empty, zero or an exception. Pure.

/** "iso": numbers such as 20240131 are days, 20240131220500 seconds of one. */
export const timeUnits = ["s", "ms", "us", "ns", "iso"] as const;
export type TimeUnit = (typeof timeUnits)[number];
type Scale = Exclude<TimeUnit, "iso">;

const perMs: Readonly<Record<Scale, number>> = { s: 1e-3, ms: 1, us: 1e3, ns: 1e6 };
const words: Readonly<Record<TimeUnit, string>> = {
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  iso: "days and times of the calendar, written without signs",
};

/** A number as whole ms; NaN where it is none of the calendar. */
export function inMs(time: number, unit: TimeUnit): number {
  if (unit === "iso") return instantOf(compact(String(time)))?.ms ?? Number.NaN;
  return unit === "ms" ? Math.round(time) : Math.round(time / perMs[unit]);
}

const date = String.raw`(\d{4})[-/]?(\d\d)[-/]?(\d\d)`;
const zone = String.raw`\s?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?(?: UTC)?)(?:\[[\w/+-]+\])?`;
const iso = new RegExp(String.raw`^${date}(?:[T ]\s?(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?(?:${zone})?)?$`, "i");

export interface Instant {
  readonly ms: number;
  /** No zone was said: UTC is taken. */
  readonly isZoneless: boolean;
}

/**
 * Undefined where it is no date or time of ISO 8601; a blank may stand for its T, UTC for its Z. A day is its first
 * moment.
 */
export function instantOf(cell: string): Instant | undefined {
  const found = iso.exec(cell.trim()) ?? iso.exec(rearranged(cell.trim()));
  if (!found) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", offset] = found;
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const midnight = new Date(0);
  midnight.setUTCFullYear(y, mo - 1, d);
  const isDay = midnight.getUTCMonth() === mo - 1 && midnight.getUTCDate() === d;
  if (!isDay || h > 23 || mi > 59 || s > 60) return undefined; // 60: a leap second
  const ms = Math.round(1000 * Number(`0.${fraction || 0}`));
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d\d):?(\d\d)?/.exec(offset ?? "") ?? [];
  const shift = (sign === "-" ? -1 : 1) * (60 * Number(hours) + Number(minutes));
  return { ms: midnight.getTime() + ((h * 60 + mi - shift) * 60 + s) * 1000 + ms, isZoneless: offset === undefined };
}

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

/**
 * As ISO 8601, where the order of day and month leaves no doubt: "Fri, 05 Jan 2024 10:00:00 +0000" and 05.01.2024, but
 * not 05/01/2024.
 */
function rearranged(text: string): string {
  const [, day, month, year, rest] =
    /^(?:[a-z]{3}, )?(\d?\d)[ -]([a-z]{3})[ -](\d{4})(.*)$/i.exec(text) ??
    /^(\d?\d)\.(\d?\d)\.(\d{4})(.*)$/.exec(text) ??
    [];
  if (day === undefined) return text;
  const two = (number: string | number) => String(number).padStart(2, "0");
  return `${year}-${two(/\d/.test(month!) ? month! : months.indexOf(month!.toLowerCase()) + 1)}-${two(day)}${rest}`;
}

/** Why a text is no time. */
export const noTime = (shown: string): string =>
  /\d\/\d+\/\d/.test(shown)
    ? `the time ${shown} does not say which number is the day: write it as 2024-01-31 22:05:00`
    : `the time ${shown} cannot be read`;

const compact = (digits: string) =>
  digits.replace(/^(\d{8})(\d\d)(\d\d)(\d\d)?$/, (_, day, h, m, s = "00") => `${day}T${h}${m}${s}`);

/** 20240131 and 20240131220500, which are numbers too. */
export function isCalendar(time: number): boolean {
  const isLikely = (time >= 19e6 && time < 21e6) || (time >= 19e10 && time < 21e10) || (time >= 19e12 && time < 21e12);
  return isLikely && Number.isInteger(time) && instantOf(compact(String(time))) !== undefined;
}

/**
 * By its size: seconds from 1973 to the year 5138, and so on. Undefined where it is too small to tell: 0, or a count.
 */
export function unitBySize(time: number): Scale | undefined {
  const size = Math.abs(time);
  if (size < 1e8) return undefined;
  return size < 1e11 ? "s" : size < 1e14 ? "ms" : size < 1e17 ? "us" : "ns";
}

export type Verdict = { readonly unit: TimeUnit; readonly remarks: readonly string[] } | { readonly problem: string };

/** Hears all times of a file, and says in what unit they are. `at`: the line or number of a time's row. */
export function timeVotes() {
  const seen = new Map<Scale, { count: number; readonly at: number; readonly text: string }>();
  let small = 0;
  let large = 0;
  let calendar = 0;
  let zoneless = 0;
  let serial = 0;
  return {
    number: (time: number, at: number): void => {
      if (time >= 32_874 && time < 54_789) serial++; // days of 1990 to 2050, as spreadsheets count them
      if (isCalendar(time)) calendar++;
      const unit = unitBySize(time);
      if (unit === undefined) {
        small++;
        return;
      }
      large++;
      const before = seen.get(unit);
      if (before) before.count++;
      else seen.set(unit, { count: 1, at, text: String(time) });
    },
    instant: ({ isZoneless }: Instant): void => {
      if (isZoneless) zoneless++;
    },
    /** `named`: what the column's name says. */
    decide: (named: TimeUnit | null): Verdict => {
      const remarks = zoneless > 0 ? [`${zoneless.toLocaleString("en-US")} times name no zone: taken as UTC`] : [];
      const all = small + large;
      if (all === 0) return { unit: named ?? "s", remarks };
      if (serial === all && named === null)
        return {
          problem:
            "the times look like a spreadsheet's numbers of days: show them as yyyy-mm-dd hh:mm:ss before they " +
            "are saved",
        };
      if (calendar === all && named === null)
        return { unit: "iso", remarks: [`times are taken as ${words.iso} (--timestamp-unit says otherwise)`] };
      const [most, ...others] = [...seen].sort(([, a], [, b]) => b.count - a.count);
      const inWords = ([unit, { count, at, text }]: [Scale, { count: number; at: number; text: string }]) =>
        `${count.toLocaleString("en-US")} look like ${words[unit]} (first ${text}, at ${at})`;
      if (others.length > 0) return { problem: `the times disagree: ${[most!, ...others].map(inWords).join(", ")}` };
      if (named !== null && most && most[0] !== named)
        return { problem: `${inWords(most)}, and the column's name says ${words[named]}` };
      if (named !== null) return { unit: named, remarks };
      const unit = most?.[0] ?? "s";
      return {
        unit,
        remarks: [`times are taken as ${words[unit]}, by their size (--timestamp-unit says otherwise)`, ...remarks],
      };
    },
  };
}
