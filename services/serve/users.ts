// What each user has done, by name, read from the table and kept up to date in the background, so that serve can be asked for a user.
import { Histories } from "../../shared/events/histories.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { followTable } from "../../shared/table/follow.ts";

export interface Users {
  /** Distinct items in order of first appearance. Throws AppError USER_UNKNOWN. */
  historyOf(user: string): string[];
  /** Reads what the table has gained; a table that is not there yet has gained nothing. */
  refresh(): Promise<void>;
}

export function followUsers(tableDir: string): Users {
  const histories = new Histories(""); // who is held out does not matter here: everybody is served
  const follower = followTable(tableDir, histories);
  return {
    historyOf(user) {
      const index = histories.indexOf(user);
      if (index === undefined || histories.lengthOf(index) === 0)
        throw new AppError("USER_UNKNOWN", { what: `no event of the user "${user}"` });
      return [...histories.rowOf(index)].map((column) => histories.vocabulary.items[column]!);
    },
    async refresh() {
      await follower.catchUp();
    },
  };
}
