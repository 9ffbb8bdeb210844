// Whether one scorer is better than another on the same users: paired differences, their standard error, and how likely
// so large a mean is by chance.
// Source of the paired t-test for rankings: Smucker, Allan and Carterette, CIKM 2007. Used by the publication gate and
// the benchmark.

/**
 * Mean of the differences and its standard error, s / sqrt(n) with the unbiased s; 0 for a single user, whose
 * difference alone decides.
 */
export function paired(differences: Float64Array): { mean: number; standardError: number } {
  const n = differences.length;
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / n;
  const squares = differences.reduce((sum, difference) => sum + (difference - mean) ** 2, 0);
  return { mean, standardError: n < 2 ? 0 : Math.sqrt(squares / (n - 1) / n) };
}

/**
 * 95 % of the normal distribution lie below it. Student's quantile would be larger for few users and refuse less; the
 * normal one errs on the side of those who are recommended to, at the cost of a round.
 */
export const QUANTILE = 1.6449;
/** With fewer users a comparison says more about them than about the models. */
export const FEWEST_USERS = 30;

/** Below 0 by more than chance, one-sided. */
export const isBelow = ({ mean, standardError }: { mean: number; standardError: number }): boolean =>
  mean + QUANTILE * standardError < 0;

/** Above 0 by more than chance, one-sided. */
export const isAbove = ({ mean, standardError }: { mean: number; standardError: number }): boolean =>
  mean - QUANTILE * standardError > 0;

/**
 * Two-sided p of the paired t-test against "no difference", with n - 1 degrees of freedom. 1 where fewer than two users
 * or no spread allow no test.
 */
export function pairedP(differences: Float64Array): number {
  const { mean, standardError } = paired(differences);
  return standardError > 0 ? studentTails(mean / standardError, differences.length - 1) : 1;
}

/** Share of Student's t distribution that is farther from 0 than |t|, on both sides. */
export function studentTails(t: number, degrees: number): number {
  const square = t * t;
  return regularisedBeta(degrees / (degrees + square), square / (degrees + square), degrees / 2, 0.5);
}

/**
 * p-values of several tests, such that "at most .05" is wrong for any of them in at most one of twenty cases (Holm
 * 1979). In the order given.
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, k) => k).sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length);
  let largest = 0;
  order.forEach((k, rank) => {
    largest = Math.max(largest, Math.min(1, (ps.length - rank) * ps[k]!));
    adjusted[k] = largest;
  });
  return adjusted;
}

/**
 * I_x(a, b), with y = 1 - x given apart, since the difference has lost its digits where x is near 1; by the continued
 * fraction (Abramowitz and Stegun 26.5.8) in Lentz's form; the fraction converges fast on the side of the mean that is
 * chosen here.
 */
function regularisedBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(y, b, a)) / b;
}

function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      result *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return result;
}

/** ln Gamma of a positive number, Stirling's series behind a shift to where six terms are exact to 1e-14. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 12; z++) shift += Math.log(z);
  const r = 1 / (z * z);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360360))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
