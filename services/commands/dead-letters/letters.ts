// The dead letters of a folder, one file of the table after the other, each with the time at which it was sent back.
import { openDeadLetters, readDeadLetters } from "../../../shared/table/dead-letters.ts";
import { nameOf, type Place } from "../../../shared/table/place.ts";
import type { Listed } from "./lines.ts";
import type { SentBack } from "./sent-back.ts";

/** None where there is no table yet. Throws TABLE_CORRUPT, TABLE_UNSUPPORTED. */
export async function* readLetters(dir: string, sentBack: SentBack): AsyncIterable<Listed> {
  const table = await openDeadLetters(dir);
  for (const file of table.files) {
    for (const letter of await readDeadLetters(table.store, file)) {
      yield { ...letter, sentBackAt: sentBack.times.get(nameOf(letter)) ?? null };
    }
  }
}

/** When those of `places` that are dead letters first came, ms since 1970, by name. */
export async function arrivalsOf(
  letters: AsyncIterable<Listed>,
  places: readonly Place[],
): Promise<Map<string, number>> {
  const named = new Set(places.map(nameOf));
  const arrivals = new Map<string, number>();
  for await (const letter of letters) {
    const name = nameOf(letter);
    if (named.has(name)) arrivals.set(name, letter.timestamp);
  }
  return arrivals;
}
