// A robust line through samples: Theil and Sen's slope, the median of the slopes of all pairs. A collection's sawtooth,
// or one sample that is off, does not move it. Pure.

export interface Point {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
}

/** Beyond so many points each of evenly spaced ones stands for its neighbours: pairs grow with the square. */
const MOST_POINTS = 400;

/** Per second; 0 for fewer than two points. */
export function slopeOf(points: readonly Point[]): number {
  const each = Math.ceil(points.length / MOST_POINTS);
  const used = points.filter((_, k) => k % each === 0);
  const slopes = used.flatMap((a, k) =>
    used.slice(k + 1).flatMap((b) => (b.at > a.at ? [(b.value - a.value) / (b.at - a.at)] : [])),
  );
  return medianOf(slopes);
}

/** 0 for none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** How much more the last quarter's median is than the first quarter's. */
export function riseOf(values: readonly number[]): number {
  const quarter = Math.max(1, values.length >> 2);
  return medianOf(values.slice(-quarter)) - medianOf(values.slice(0, quarter));
}
