// The order of user ids before they are permuted: by number when all of them are whole numbers, else by code point, as
// pandas sorts a column. Pure.

/**
 * Positions of `ids` in ascending order of id. Numbers may be of any length; one with leading zeros is a text, so that
 * nothing of it is lost.
 */
export function ascending(ids: readonly string[]): Int32Array {
  const compare = ids.every((id) => /^(0|-?[1-9]\d*)$/.test(id)) ? byNumber : byCodePoint;
  return Int32Array.from(ids, (_, k) => k).sort((a, b) => compare(ids[a]!, ids[b]!));
}

function byNumber(a: string, b: string): number {
  const isNegative = a.startsWith("-");
  if (isNegative !== b.startsWith("-")) return isNegative ? -1 : 1;
  const size = a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  return isNegative ? -size : size;
}

/** JavaScript compares 16-bit units, which puts characters beyond U+FFFF before those from U+E000 on. */
function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let k = 0; k < length; k++) {
    if (a.charCodeAt(k) !== b.charCodeAt(k)) return rank(a.charCodeAt(k)) - rank(b.charCodeAt(k));
  }
  return a.length - b.length;
}

const rank = (unit: number) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
