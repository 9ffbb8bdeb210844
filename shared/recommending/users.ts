// What each user has done, by name, read from the table and kept up to date in the background, so that one can be asked
// for by name. With a tail the newest events of the topic stand behind those of the table.
import { AppError } from "../errors/errors.ts";
import { Histories } from "../events/histories.ts";
import { followTable } from "../table/follow.ts";
import { lastOffsets } from "../table/progress.ts";
import type { Tail } from "./tail.ts";

export interface Users {
  /**
   * Distinct items, in order of first appearance as far as they are in the table; waits for the first `refresh`, since
   * nobody is unknown before. Throws AppError USER_UNKNOWN.
   */
  historyOf(user: string): Promise<string[]>;
  /** Reads what the table has gained; a table that is not there yet has gained nothing. */
  refresh(): Promise<void>;
  /**
   * A `refresh` has ended well: before, nobody knows from where on the topic is ahead of the table, and who was erased
   * would come back from it.
   */
  readonly wasRead: Promise<void>;
}

/** What was read of a topic ahead of the table that is made of it. */
interface Ahead {
  readonly topic: string;
  readonly tail: Tail;
}

export function followUsers(tableDir: string, ahead?: Ahead): Users {
  const anew = () => new Histories(""); // who is held out does not matter here: everybody is served
  let histories = anew();
  /** What is being read: the same, but while the whole table is read anew. */
  let next = histories;
  const follower = followTable(tableDir, {
    append: (batch, version) => next.append(batch, version),
    clear: () => {
      next = anew();
    },
  });
  const [begun, begin] = moment();
  const [wasRead, read] = moment();
  function rowOf(user: string): string[] {
    const index = histories.indexOf(user);
    return index === undefined
      ? []
      : Array.from(histories.rowOf(index), (column) => histories.vocabulary.items[column]!);
  }
  return {
    wasRead,
    async historyOf(user) {
      await begun;
      const row = rowOf(user);
      const newest = ahead?.tail.itemsOf(user) ?? [];
      if (row.length + newest.length === 0)
        throw new AppError("USER_UNKNOWN", { what: `no event of the user "${user}"` });
      return newest.length === 0 ? row : [...new Set([...row, ...newest])];
    },
    async refresh() {
      try {
        await follower.catchUp();
        // Rows and offsets in one turn: in between a user would lack an item, or one that was erased would come back.
        histories = next;
        ahead?.tail.reached(lastOffsets(follower.offsets, ahead.topic));
        read();
      } finally {
        begin();
      }
    },
  };
}

function moment(): [Promise<void>, () => void] {
  let come = () => {};
  const promise = new Promise<void>((resolve) => {
    come = resolve;
  });
  return [promise, come];
}
