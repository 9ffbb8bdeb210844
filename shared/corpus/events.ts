// The events table as the server sees it: everybody's histories up to a pinned version, and the vocabulary that the
// server alone appends to.

import { Histories } from "../events/histories.ts";
import type { Rule } from "../events/new-items.ts";
import { Vocabulary } from "../events/vocabulary.ts";
import type { Along } from "../runtime/working.ts";
import { type CaughtUp, followTable } from "../table/follow.ts";
import { appendItems, readItems } from "../table/items.ts";

export interface Events {
  readonly histories: Histories;
  /** Reads what was committed since the last call, up to a version or the newest; see followTable. */
  catchUp(toVersion?: number, along?: Along): Promise<CaughtUp>;
  /** Appends items that the table `items` does not hold yet; from then on their columns are fixed for ever. */
  pinVocabulary(): Promise<void>;
  /** Numbers of the training users seen so far, but for those who were erased. */
  trainUsers(): number[];
}

/** Columns are those of the table `items`. */
export async function openPinnedEvents(dir: string, salt: string, rule: Rule): Promise<Events> {
  return openEvents(dir, salt, await readItems(dir), rule);
}

/**
 * Columns start with those of `pinned`; new items follow in the order in which the rule lets them in: that of their
 * first appearance, where none has to wait.
 */
export function openEvents(dir: string, salt: string, pinned: readonly string[], rule: Rule): Events {
  const histories = new Histories(salt, new Vocabulary(pinned), rule);
  const follower = followTable(dir, histories);
  const training: number[] = [];
  let looked = 0;
  let written = pinned.length;
  return {
    histories,
    catchUp: async (toVersion, along) => {
      const caught = await follower.catchUp(toVersion, along);
      if (caught.rows > histories.events / 2) histories.rest();
      return caught;
    },
    pinVocabulary: async () => {
      const { items } = histories.vocabulary;
      if (items.length === written) return;
      await appendItems(dir, items.slice(written), written);
      written = items.length;
    },
    trainUsers: () => {
      for (; looked < histories.users.length; looked++) if (histories.partOf(looked) === "train") training.push(looked);
      return training.filter((user) => histories.lengthOf(user) > 0);
    },
  };
}
