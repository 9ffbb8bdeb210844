// `dead-letters list`: the table for people, or a line of JSON for each letter.
import { readLetters } from "./letters.ts";
import { formatLine } from "./lines.ts";
import { type Filter, listingText, newestOf, tallyOf } from "./listing.ts";
import { openSentBack } from "./sent-back.ts";

export interface Listing extends Filter {
  readonly json: boolean;
  /** People get the newest 20, machines all. */
  readonly limit?: number | undefined;
}

export async function list(dir: string, { json, limit, ...filter }: Listing): Promise<void> {
  const tally = tallyOf(filter);
  const newest = newestOf(limit ?? 20);
  for await (const letter of readLetters(dir, await openSentBack(dir))) {
    if (!tally.takes(letter)) continue;
    if (json && limit === undefined) await print(`${formatLine(letter)}\n`);
    else newest.add(letter);
  }
  if (json) for (const letter of newest.letters) await print(`${formatLine(letter)}\n`);
  else await print(listingText(newest.letters, tally));
}

/**
 * A pipe takes 64 kB at a time: waits for whoever reads, so that neither memory fills nor the end is lost with the
 * process.
 */
const print = (text: string) => new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
