// What somebody meant who has written a name that is none. Pure.

/** The one that takes the fewest letters to change, the first of several, and how many; undefined of no names. */
export function nearestOf<N extends string>(
  text: string,
  names: readonly N[],
): { readonly name: N; readonly distance: number } | undefined {
  const all = names.map((name) => ({ name, distance: editDistance(text, name) }));
  return all.sort((a, b) => a.distance - b.distance)[0];
}

/** Letters that somebody may have got wrong; of a short name half of them. */
const MOST_WRONG = 3;

/** The one that has nearly the same letters, or the only one that begins with these; undefined where none is like it. */
export function meantOf(text: string, names: readonly string[]): string | undefined {
  const nearest = nearestOf(text, names);
  if (nearest && nearest.distance <= MOST_WRONG && 2 * nearest.distance <= text.length) return nearest.name;
  const begun = names.filter((name) => name.startsWith(text));
  return begun.length === 1 ? begun[0] : undefined;
}

/** Letters to put in, leave out or replace (Levenshtein 1966), one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
