// Who met what for the first time in a batch of the table. Pure.
import type { Interactions } from "../events/batch.ts";
import type { Histories } from "../events/histories.ts";
import { stringsOf } from "../events/text.ts";

export interface FirstMeeting {
  readonly user: string;
  readonly name: string;
  /** Column of the item. */
  readonly item: number;
  /** What the user had met before, oldest first. */
  readonly seen: Int32Array;
}

/** Takes the batch into the histories too. */
export function firstMeetings(batch: Interactions, histories: Histories, version: number): FirstMeeting[] {
  const users = stringsOf(batch.user.words);
  const names = stringsOf(batch.item.words);
  const lengthOf = (index: number | undefined) => (index === undefined ? 0 : histories.lengthOf(index));
  const length = users.map((user) => lengthOf(histories.indexOf(user)));
  histories.append(batch, version);
  const rows = new Map<number, Int32Array>();
  const found: FirstMeeting[] = [];
  for (let k = 0; k < batch.length; k++) {
    const word = batch.user.numbers[k]!;
    const user = users[word]!;
    const index = histories.indexOf(user);
    const name = names[batch.item.numbers[k]!]!;
    if (index === undefined) continue; // there was no room for it
    const row = rows.get(word) ?? histories.rowOf(index);
    rows.set(word, row);
    // The row has grown in this order: what comes first is what stands next in it.
    const had = length[word]!;
    const item = row[had];
    if (item === undefined || histories.vocabulary.items[item] !== name) continue;
    found.push({ user, name, item, seen: row.subarray(0, had) });
    length[word]!++;
  }
  return found;
}
