// Events as they arrive, each with what its user had done before: what prequential evaluation scores a model on. Pure;
// the evaluator collects them, prequential.ts scores them.
import { AppError } from "../errors/errors.ts";
import type { Interactions } from "../events/batch.ts";
import { hash32 } from "../events/hash.ts";
import type { Histories } from "../events/histories.ts";
import { rowsOf } from "../events/text.ts";

/** A known user came to an item for the first time. */
export interface Arrival {
  /** Number of the user in the histories. */
  readonly user: number;
  readonly item: string;
  /** Columns of the histories: what the user had before, earlier arrivals of the same version included. */
  readonly foldIn: Int32Array;
  /** Table version that brought it. */
  readonly version: number;
}

export interface Arrivals {
  readonly scored: readonly Arrival[];
  /** Distinct new pairs of known users that were left to others, since more came than can be scored. */
  readonly leftOut: number;
}

/** Always the same, so that the same people are scored as long as there is room. */
const SEED = 4; // split.ts and held-out.ts take 1 to 3

/**
 * New pairs of a batch whose users are known to `histories`, which does not hold the batch yet, and in which no item
 * has to wait. Repeats are no news, and a user's first items have no history to be predicted from. At most about
 * `limit` of them, all of a user's or none: the users whose hash is smallest. Of somebody who alone comes to more, the
 * first.
 */
export function arrivalsOf(batch: Interactions, histories: Histories, version: number, limit: number): Arrivals {
  const [users, items] = [rowsOf(batch.user, batch.length), rowsOf(batch.item, batch.length)];
  const news = new Map<number, Set<string>>();
  for (let k = 0; k < batch.length; k++) {
    const user = histories.indexOf(users[k]!);
    if (user === undefined || histories.lengthOf(user) === 0) continue;
    const ofUser = news.get(user);
    if (ofUser) ofUser.add(items[k]!);
    else news.set(user, new Set([items[k]!]));
  }
  const order = [...news.keys()]
    .map((user) => ({ user, key: hash32(histories.users[user]!, SEED) }))
    .sort((a, b) => a.key - b.key || a.user - b.user);
  const scored: Arrival[] = [];
  let leftOut = 0;
  for (const { user } of order) {
    const isNew = (item: string) => {
      const column = histories.vocabulary.column(item);
      return column === undefined || !histories.has(user, column);
    };
    const fresh = [...news.get(user)!].filter(isNew);
    if (scored.length >= limit) leftOut += fresh.length;
    else {
      const taken = fresh.slice(0, limit);
      scored.push(...oneAfterTheOther(user, taken, histories.rowOf(user), histories, version));
      leftOut += fresh.length - taken.length;
    }
  }
  return { scored, leftOut };
}

/**
 * Their fold-ins are beginnings of one row: however many items somebody comes to at once, they take no more room than
 * the row that it leaves.
 */
function oneAfterTheOther(
  user: number,
  items: readonly string[],
  before: Int32Array,
  histories: Histories,
  version: number,
): Arrival[] {
  const row = new Int32Array(before.length + items.length);
  row.set(before);
  let length = before.length;
  return items.map((item) => {
    const foldIn = row.subarray(0, length);
    const column = histories.vocabulary.column(item);
    if (column !== undefined) row[length++] = column;
    return { user, item, foldIn, version };
  });
}

/**
 * A model may be scored only on what came after all that it was trained on. Throws TIME_LEAK. `tableVersion`: the
 * newest that it has seen.
 */
export function mustBeUnseen(arrivals: readonly Arrival[], model: string, tableVersion: number): void {
  const seen = arrivals.find(({ version }) => version <= tableVersion);
  if (seen)
    throw new AppError("TIME_LEAK", {
      what:
        `an event of table version ${seen.version} would score ${model}, which was trained on versions up to ` +
        `${tableVersion}`,
    });
}
