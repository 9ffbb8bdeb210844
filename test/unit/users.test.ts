// What is hot, as serve knows it: each user's first meeting with an item counts once, whether the table or the topic
// tells of it first, and in whatever order the two go on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { recommend, recommending } from "../../shared/recommending/recommender.ts";
import { createTail } from "../../shared/recommending/tail.ts";
import { followUsers } from "../../shared/recommending/users.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";

const root = mkdtempSync(join(tmpdir(), "users-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A topic of one partition and the table made of it. */
async function world() {
  const dir = mkdtempSync(join(root, "table-"));
  const table = await openEvents(dir);
  const log: { readonly user: string; readonly item: string }[] = [];
  const tail = createTail();
  const users = followUsers(dir, { topic: "t", tail });
  let committed = 0;
  return {
    ...{ table, log, tail, users },
    read: (count: number) => {
      for (let k = 0; k < count; k++) {
        const offset = tail.nextOf(0) ?? 0;
        if (offset < log.length) users.take(0, offset, log[offset]!.user, log[offset]!.item);
      }
    },
    commit: async (count: number) => {
      const end = Math.min(log.length, committed + count);
      const rows = log
        .slice(committed, end)
        .map((event, k) => ({ ...event, timestamp: 0, value: null, partition: 0, offset: committed + k }));
      if (rows.length === 0) return;
      const add = [await writeEvents(table.store, batchOf(rows))];
      await table.commit({ add, txn: [{ appId: "t/0", version: end - 1 }] });
      committed = end;
    },
  };
}

const event = fc.record({ user: fc.constantFrom("a", "b", "c"), item: fc.constantFrom("1", "2", "3", "4", "5", "6") });
const move = fc.oneof(
  fc.record({ type: fc.constant("came" as const), events: fc.array(event, { minLength: 1, maxLength: 5 }) }),
  fc.record({ type: fc.constantFrom("read" as const, "committed" as const), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ type: fc.constant("looked" as const) }),
);

test("each first meeting counts once, whoever tells of it first", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 25 }), async (moves) => {
      const { log, tail, users, read, commit } = await world();
      await users.refresh();
      for (const each of moves) {
        if (each.type === "came") log.push(...each.events);
        else if (each.type === "read") read(each.count);
        else if (each.type === "committed") await commit(each.count);
        else await users.refresh();
      }
      await commit(log.length);
      await users.refresh();
      const known = new Set(log.map(({ user, item }) => `${user} ${item}`));
      expect(users.moving.trends.counted).toBe(known.size);
      expect(tail.held).toBe(0);
    }),
    { numRuns: 12, seed: 7 },
  );
}, 60_000);

test("what is hot in the topic is listed to everybody at once, an item that the model has never met too, but not by one user", async () => {
  const { log, users, read, commit } = await world();
  log.push(...Array.from({ length: 300 }, (_, k) => ({ user: `u${k}`, item: `i${k % 6}` })));
  await commit(300);
  await users.refresh();
  const vocabulary = new Vocabulary(["i0", "i1", "i2", "i3", "i4", "i5"]);
  const known = {
    vocabulary,
    scoreBatch: (rows: readonly Int32Array[]) =>
      Float32Array.from({ length: 6 * rows.length }, (_, k) => (5 - (k % 6)) / 10),
  };
  const mix = { model: 1, hot: [2, 1, 1] as [number, number, number], follows: 0 };
  const model = recommending("m", known, { mix, moving: () => users.moving });
  const best = (history: string[], k = 3) =>
    recommend(model, { history, k, exclude: [], includeSeen: false }).items.map(({ item }) => item);
  expect(best(["i5"])).toEqual(["i0", "i1", "i2"]);
  for (let k = 0; k < 90; k++) log.push({ user: "crawler", item: "spam" }, { user: `v${k}`, item: "news" });
  read(180);
  expect(best(["i5"])[0]).toBe("news");
  expect(best([], 9)[0]).toBe("news");
  expect(best(["i5"], 9)).not.toContain("spam");
  expect(best(await users.historyOf("v3"), 9)).not.toContain("news"); // they have met it
  await commit(180);
  await users.refresh();
  expect(users.moving.trends.counted).toBe(300 + 91);
  expect(best(["i5"])[0]).toBe("news");
});

test("while there is no table yet, what the topic tells is counted once and not at each look", async () => {
  const { log, users, read, commit } = await world();
  await users.refresh();
  log.push({ user: "a", item: "1" }, { user: "b", item: "2" });
  read(2);
  const { trends } = users.moving;
  await users.refresh();
  expect(users.moving.trends).toBe(trends);
  expect(trends.counted).toBe(2);
  await commit(2);
  await users.refresh();
  expect(users.moving.trends.counted).toBe(2);
  expect(await users.historyOf("a")).toEqual(["1"]);
});

test("regression: a user who goes round among more items than are held of one makes none of them hot", async () => {
  const { log, users, read } = await world();
  await users.refresh();
  for (let round = 0; round < 20; round++)
    for (let item = 0; item < 300; item++) log.push({ user: "crawler", item: `i${item}` });
  read(log.length);
  const { trends } = users.moving;
  expect(trends.counted).toBeLessThanOrEqual(200);
  for (let item = 0; item < 300; item++) expect(trends.isMetBySome(item)).toBe(false);
});

test("an erasure counts anew: what the erased made hot is gone, and what is ahead of the table stays", async () => {
  const { log, users, read, commit, table } = await world();
  log.push({ user: "a", item: "1" }, { user: "b", item: "2" });
  await commit(1);
  const file = table.files[0]!;
  await commit(1);
  await users.refresh();
  log.push({ user: "c", item: "new" }, { user: "b", item: "3" });
  read(4);
  expect(users.moving.trends.counted).toBe(4);
  await table.commit({ remove: [file], operation: "DELETE" });
  await users.refresh();
  const { trends, numbers } = users.moving;
  expect(trends.counted).toBe(3);
  expect(trends.shareOf(numbers.column("new")!, 0)).toBeGreaterThan(0);
  expect(trends.followedOf(numbers.column("2")!)).toBeGreaterThan(0.9);
});
