// The flag that names a system: one that is not known is answered with the name that was meant.
import { z } from "zod";

/** A flag that names one of `names`. Another name is refused with the one that it is most like. */
export const systemFlag = <N extends string>(names: readonly N[]) =>
  z.string().transform((text, context): N => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    const message = `no such system; did you mean ${nearest(text, names)}? There are ${names.join(", ")}`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

/** The one that takes the fewest letters to change, the first of several. */
function nearest<N extends string>(text: string, names: readonly N[]): N {
  const distances = names.map((name) => editDistance(text.toLowerCase(), name));
  return names[distances.indexOf(Math.min(...distances))]!;
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
