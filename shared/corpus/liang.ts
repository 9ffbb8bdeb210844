// The split of Liang et al. (2018): from events to training rows and held-out fold-in and target rows, draw for draw as
// their NumPy code. Pure.
// Source: github dawenliang/vae_cf, VAE_ML20M_WWW2018.ipynb, and RecVAE's preprocessing.py. Events below the value are
// gone before they come here.
import { AppError } from "../errors/errors.ts";
import { legacyRandom } from "./mt19937.ts";
import { ascending } from "./user-order.ts";

/** Events as columns, in the order of the file. A user or an item is a number, `users` and `items` hold their ids. */
export interface EventColumns {
  readonly users: readonly string[];
  readonly items: readonly string[];
  readonly userOf: Int32Array;
  readonly itemOf: Int32Array;
}

export interface LiangOptions {
  /** Users of the validation part, and as many of the test part. */
  readonly heldOut: number;
  readonly minItemsPerUser: number;
  readonly minUsersPerItem: number;
  readonly seed: number;
}

/** Rows of a file: position of the user among the permuted users, column of the item. */
export interface Rows {
  readonly uid: Int32Array;
  readonly sid: Int32Array;
}

interface HeldOutPart {
  /** Both by ascending id of the user, each user's rows in the order of the file. */
  readonly foldIn: Rows;
  readonly target: Rows;
  /** Users with fewer than 5 rows, or none: all fold-in, to be left out of every mean. */
  readonly usersWithoutTarget: number;
  /** Targets that stand in their user's fold-in too because the event was repeated: nobody can hit them. */
  readonly targetsInFoldIn: number;
}

export interface LiangSplit {
  /** What the filters left. `items` counts those of all users, `vocabulary` holds those of training users. */
  readonly left: { readonly events: number; readonly users: number; readonly items: number };
  /** Permuted: the training users, then those of validation, then those of test. */
  readonly users: readonly string[];
  /** In order of first appearance in the training rows. */
  readonly vocabulary: readonly string[];
  /** In the order of the file. */
  readonly train: Rows;
  readonly validation: HeldOutPart;
  readonly test: HeldOutPart;
}

/** Throws USAGE when the filters leave too few users for `heldOut`: training needs at least one. */
export function splitLiang(events: EventColumns, options: LiangOptions): LiangSplit {
  const { isKept, kept, ...left } = filter(events, options);
  const trainUsers = kept.length - 2 * options.heldOut;
  if (trainUsers < 1)
    throw new AppError("USAGE", {
      what:
        `--held-out ${options.heldOut} takes ${2 * options.heldOut} users, validation and test together, of ` +
        `the ${kept.length} that the filters leave, and one at least must train`,
    });

  const permuted = legacyRandom(options.seed)
    .permutation(kept.length)
    .map((k) => kept[k]!);
  const uidOf = new Int32Array(events.users.length).fill(-1);
  for (let uid = 0; uid < permuted.length; uid++) uidOf[permuted[uid]!] = uid;

  const { train, sidOf, vocabulary } = trainingRows(
    events,
    (row) => isKept(row) && uidOf[events.userOf[row]!]! < trainUsers,
    uidOf,
  );
  const part = (from: number, to: number) => {
    const users = kept.filter((user) => uidOf[user]! >= from && uidOf[user]! < to);
    return heldOutPart(
      histories(events, users, sidOf),
      Int32Array.from(users, (user) => uidOf[user]!),
      options.seed,
    );
  };
  return {
    left,
    users: Array.from(permuted, (user) => events.users[user]!),
    vocabulary: vocabulary.map((item) => events.items[item]!),
    train,
    validation: part(trainUsers, trainUsers + options.heldOut),
    test: part(trainUsers + options.heldOut, kept.length),
  };
}

/** Items first, then users, once each: an item may end below its minimum when its users go. Minima count events. */
function filter({ users, items, userOf, itemOf }: EventColumns, { minItemsPerUser, minUsersPerItem }: LiangOptions) {
  const ofItem = new Int32Array(items.length);
  for (const item of itemOf) ofItem[item]!++;
  const ofUser = new Int32Array(users.length);
  for (let row = 0; row < userOf.length; row++) if (ofItem[itemOf[row]!]! >= minUsersPerItem) ofUser[userOf[row]!]!++;
  const leastOfUser = Math.max(1, minItemsPerUser);

  const isKept = (row: number) => ofItem[itemOf[row]!]! >= minUsersPerItem && ofUser[userOf[row]!]! >= leastOfUser;
  const kept = ascending(users).filter((user) => ofUser[user]! >= leastOfUser);
  const isSeen = new Uint8Array(items.length);
  for (let row = 0; row < itemOf.length; row++) if (isKept(row)) isSeen[itemOf[row]!] = 1;
  return {
    isKept,
    /** By ascending id. */
    kept,
    events: kept.reduce((sum, user) => sum + ofUser[user]!, 0),
    users: kept.length,
    items: isSeen.reduce((sum, seen) => sum + seen, 0),
  };
}

function trainingRows(
  { items, userOf, itemOf }: EventColumns,
  isTraining: (row: number) => boolean,
  uidOf: Int32Array,
) {
  let size = 0;
  for (let row = 0; row < userOf.length; row++) if (isTraining(row)) size++;
  const train = { uid: new Int32Array(size), sid: new Int32Array(size) };
  const sidOf = new Int32Array(items.length).fill(-1);
  const vocabulary: number[] = [];
  let at = 0;
  for (let row = 0; row < userOf.length; row++) {
    if (!isTraining(row)) continue;
    const item = itemOf[row]!;
    if (sidOf[item] === -1) sidOf[item] = vocabulary.push(item) - 1;
    train.uid[at] = uidOf[userOf[row]!]!;
    train.sid[at++] = sidOf[item]!;
  }
  return { train, sidOf, vocabulary };
}

/**
 * Columns of each of `users`, in the order of the file; items without a column are left out, which no filter does
 * again.
 */
function histories({ users: all, userOf, itemOf }: EventColumns, users: Int32Array, sidOf: Int32Array): Int32Array[] {
  const slotOf = new Int32Array(all.length).fill(-1);
  for (let slot = 0; slot < users.length; slot++) slotOf[users[slot]!] = slot;
  const belongs = (row: number) => slotOf[userOf[row]!]! >= 0 && sidOf[itemOf[row]!]! >= 0;
  const sizes = new Int32Array(users.length);
  for (let row = 0; row < userOf.length; row++) if (belongs(row)) sizes[slotOf[userOf[row]!]!]!++;
  const rows = Array.from(sizes, (size) => new Int32Array(size));
  sizes.fill(0);
  for (let row = 0; row < userOf.length; row++) {
    if (!belongs(row)) continue;
    const slot = slotOf[userOf[row]!]!;
    rows[slot]![sizes[slot]!++] = sidOf[itemOf[row]!]!;
  }
  return rows;
}

const LEAST_TO_DRAW = 5;
const TARGET_SHARE = 0.2;

/** One generator for all users of a part, seeded anew for each part; a user with too few rows draws nothing. */
function heldOutPart(rows: readonly Int32Array[], uids: Int32Array, seed: number): HeldOutPart {
  const random = legacyRandom(seed);
  const targetsOf = (n: number) => (n < LEAST_TO_DRAW ? 0 : Math.floor(TARGET_SHARE * n));
  const all = rows.reduce((sum, { length }) => sum + length, 0);
  const targets = rows.reduce((sum, { length }) => sum + targetsOf(length), 0);
  const foldIn = { uid: new Int32Array(all - targets), sid: new Int32Array(all - targets) };
  const target = { uid: new Int32Array(targets), sid: new Int32Array(targets) };
  let inFoldIn = 0;
  let inTarget = 0;
  let usersWithoutTarget = 0;
  let targetsInFoldIn = 0;
  rows.forEach((row, slot) => {
    const size = targetsOf(row.length);
    if (size === 0) usersWithoutTarget++;
    const drawn = new Set(size === 0 ? [] : random.choice(row.length, size));
    const seen = new Set(row.filter((_, k) => !drawn.has(k)));
    for (let k = 0; k < row.length; k++) {
      const isTarget = drawn.has(k);
      const rows = isTarget ? target : foldIn;
      const at = isTarget ? inTarget++ : inFoldIn++;
      rows.uid[at] = uids[slot]!;
      rows.sid[at] = row[k]!;
      if (isTarget && seen.has(row[k]!)) targetsInFoldIn++;
    }
  });
  return { foldIn, target, usersWithoutTarget, targetsInFoldIn };
}
