// What each user has done, by name, read from the table and kept up to date in the background, so that one can be asked
// for by name; and what is hot now. With a tail the newest events of the topic stand behind those of the table.
import { AppError } from "../errors/errors.ts";
import { Histories } from "../events/histories.ts";
import { MOST_NAMES } from "../events/new-items.ts";
import type { ShapeText } from "../events/shape/shape.ts";
import { metIn, metOf, trendsOf } from "../ranking/met.ts";
import { LAST, type Met } from "../ranking/newest.ts";
import { REMEMBERED } from "../ranking/references.ts";
import type { Moving } from "../ranking/trending.ts";
import { FOLLOWS_HALF_LIFE, Trends } from "../ranking/trends.ts";
import { newestSource } from "../table/epochs.ts";
import { followTable } from "../table/follow.ts";
import { newestEvents } from "../table/newest-events.ts";
import { lastOffsets } from "../table/progress.ts";
import { shapeIn } from "../table/shapes.ts";
import { createTail, type Outcome, type Tail } from "./tail.ts";

export interface Users {
  /**
   * Distinct items, in order of first appearance; waits for the first `refresh`, since nobody is unknown before. Throws
   * AppError USER_UNKNOWN.
   */
  historyOf(user: string): Promise<string[]>;
  /** What is hot now, of table and topic; another object once it was counted anew. */
  readonly moving: Moving;
  /** Reads what the table has gained; a table that is not there yet has gained nothing. */
  refresh(): Promise<void>;
  /**
   * A `refresh` has ended well: before, nobody knows from where on the topic is ahead of the table, and who was erased
   * would come back from it.
   */
  readonly wasRead: Promise<void>;
  /** An event of the topic; `again`: a further one of the same message. */
  take(partition: number, offset: number, user: string, item: string, again?: boolean): Outcome;
  /** How the events of the topic stand in its messages, as the table has it; null: as ours do. */
  readonly shape: ShapeText | null;
}

/** What was read of a topic ahead of the table that is made of it. */
export interface Ahead {
  readonly topic: string;
  readonly tail: Tail;
}

/** Ahead of the table, when all is counted anew: a meeting fades to a quarter within so many. */
const COUNTED = 2 * FOLLOWS_HALF_LIFE;

/** Of no topic at all. */
const alone = (): Ahead => ({ topic: "", tail: createTail() });

export function followUsers(tableDir: string, { topic, tail }: Ahead = alone()): Users {
  const anew = () => new Histories(""); // who is held out does not matter here: everybody is served
  let histories = anew();
  /** What is being read: the same, but while the whole table is read anew. */
  let next = histories;
  let isAnew = true;
  /** The topic and its epoch, as the table calls it. */
  let source = topic;
  let moving: Moving = { trends: new Trends(), numbers: histories.vocabulary };
  /** Brought by the table, and not counted yet. */
  let unsettled: Met[] = [];
  const follower = followTable(tableDir, {
    append: (batch, version) => {
      if (isAnew) next.append(batch, version);
      else unsettled = [...unsettled, ...metOf(batch, next, version)].slice(-REMEMBERED);
    },
    clear: () => {
      next = anew();
      isAnew = true;
      unsettled = [];
    },
  });
  const [begun, begin] = moment();
  const [wasRead, read] = moment();

  const namesOf = (row: Int32Array) => Array.from(row, (column) => histories.vocabulary.items[column]!);

  /** The user's newest items before this one; undefined where the table has it of them. */
  function seenBefore(user: string, item: string): string[] | undefined {
    const index = histories.indexOf(user);
    const column = histories.vocabulary.column(item);
    if (index !== undefined && column !== undefined && histories.has(index, column)) return undefined;
    const newest = tail.itemsOf(user);
    const before = newest.slice(0, newest.indexOf(item));
    const row = index === undefined ? [] : namesOf(histories.newestOf(index, LAST));
    return [...row.filter((each) => !before.includes(each)), ...before].slice(-LAST);
  }

  /** Of the topic, each pair once. */
  function count(user: string, item: string): void {
    const seen = seenBefore(user, item);
    const { trends, numbers } = moving;
    if (!seen || numbers.items.length >= MOST_NAMES) return;
    trends.add({ item: numbers.add(item), seen: Int32Array.from(seen, (each) => numbers.add(each)) });
  }

  /** From the newest events of the table, and what is ahead of it. */
  function countAnew(newest: readonly { readonly user: string; readonly item: string }[]): void {
    moving = { trends: trendsOf(metIn(newest, histories)), numbers: histories.vocabulary };
    for (const { user, item } of tail.pairs().slice(-COUNTED)) count(user, item);
  }

  /** Counts what the table has brought, but for what was read in the topic before. */
  function settle(done: ReadonlyMap<number, number>): void {
    const wasAhead = done.size > 0 && [...done].every(([partition, last]) => (tail.nextOf(partition) ?? 0) > last);
    const isAhead = ({ user, item }: Met) => tail.has(histories.users[user]!, histories.vocabulary.items[item]!);
    if (!wasAhead) for (const met of unsettled) if (!isAhead(met)) moving.trends.add(met);
    unsettled = [];
  }

  return {
    wasRead,
    get moving() {
      return moving;
    },
    async historyOf(user) {
      await begun;
      const index = histories.indexOf(user);
      const row = index === undefined ? [] : namesOf(histories.rowOf(index));
      const newest = tail.itemsOf(user);
      if (row.length + newest.length === 0)
        throw new AppError("USER_UNKNOWN", { what: `no event of the user "${user}"` });
      return newest.length === 0 ? row : [...new Set([...row, ...newest])];
    },
    get shape() {
      return shapeIn(follower.properties, topic);
    },
    take(partition, offset, user, item, again) {
      const outcome = tail.take(partition, offset, user, item, again);
      if (outcome === "new") count(user, item); // whoever goes round in a crowd of items would count each again
      return outcome;
    },
    async refresh() {
      try {
        const { version } = await follower.catchUp();
        const newest = isAnew && version >= 0 ? await newestEvents(tableDir, version, REMEMBERED) : [];
        // In one turn from here on: in between a user would lack an item, or one that was erased would come back.
        const current = newestSource(follower.offsets, topic);
        if (current !== source) tail.clear(); // the topic was made anew: its offsets begin again
        source = current;
        const done = lastOffsets(follower.offsets, source);
        if (!isAnew) settle(done);
        histories = next;
        tail.reached(done);
        if (isAnew) countAnew(newest);
        isAnew = false;
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
