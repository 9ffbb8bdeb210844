// How figures are written wherever people read them: the page, `status` and the progress line agree. Unknown is a dash,
// never a zero.

/** A figure for people: a box of the strip, or a tile. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly value: string;
  readonly unit: string;
  readonly detail: string;
  /** `off`: nothing known yet, or nothing to do. */
  readonly state: "ok" | "amber" | "red" | "off";
  readonly word: string;
}

const dash = "–";

/** 1,234; from ten million on 12.3 M. */
export function count(n: number | null): string {
  if (n === null) return dash;
  if (Math.abs(n) >= 1e7) return `${(n / 1e6).toFixed(1)} M`;
  return Math.round(n).toLocaleString("en-US");
}

/** One decimal below ten, none above: 0, 0.4, 12, 1,240. */
export function rate(n: number | null): string {
  if (n === null) return dash;
  return n !== 0 && Math.abs(n) < 9.95 ? n.toFixed(1) : count(n);
}

/** .412, as the field writes metrics between 0 and 1. */
export function ratio(x: number | null): string {
  if (x === null) return dash;
  const text = Math.abs(x).toFixed(3);
  return `${x < 0 && Number(text) !== 0 ? "−" : ""}${Math.abs(x) < 0.9995 ? text.slice(1) : text}`;
}

/** Four significant digits: 412.3, 6.052. */
export function loss(x: number | null): string {
  if (x === null) return dash;
  return Math.abs(x) >= 1e4 ? count(x) : x.toPrecision(4);
}

/** 9 s, 94 s, 12 min, 5 h, 3 days. */
export function duration(seconds: number | null): string {
  if (seconds === null) return dash;
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** What takes milliseconds to seconds: 41 ms, 2.4 s. */
export function elapsed(seconds: number | null): string {
  if (seconds === null) return dash;
  return seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`;
}

/** 640 B, 12.3 kB, 1.2 MB. */
export function bytes(n: number | null): string {
  if (n === null) return dash;
  if (n < 1e3) return `${n} B`;
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

export function percent(share: number | null): string {
  return share === null ? dash : `${(share * 100).toFixed(share !== 0 && share < 0.1 ? 2 : 1)} %`;
}

export function plural(n: number, one: string): string {
  return `${count(n)} ${one}${n === 1 ? "" : "s"}`;
}
