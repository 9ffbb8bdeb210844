// What each user has done, by name, read from the table and kept up to date in the background, so that one can be asked
// for by name.
import { AppError } from "../errors/errors.ts";
import { Histories } from "../events/histories.ts";
import { followTable } from "../table/follow.ts";

export interface Users {
  /**
   * Distinct items in order of first appearance; waits for the first `refresh`, since nobody is unknown before. Throws
   * AppError USER_UNKNOWN.
   */
  historyOf(user: string): Promise<string[]>;
  /** Reads what the table has gained; a table that is not there yet has gained nothing. */
  refresh(): Promise<void>;
}

export function followUsers(tableDir: string): Users {
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
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  return {
    async historyOf(user) {
      await begun;
      const index = histories.indexOf(user);
      if (index === undefined || histories.lengthOf(index) === 0)
        throw new AppError("USER_UNKNOWN", { what: `no event of the user "${user}"` });
      return [...histories.rowOf(index)].map((column) => histories.vocabulary.items[column]!);
    },
    async refresh() {
      try {
        await follower.catchUp();
        histories = next;
      } finally {
        begin();
      }
    },
  };
}
