// What `train` reads: on a table it judges the same held-out users as `evaluate` does.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { corpusOfTable } from "../../shared/corpus/corpus.ts";
import { batchOf, type Row } from "../../shared/events/batch.ts";
import { partOf } from "../../shared/events/split.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { fromTable } from "../../shared/judging/subject.ts";
import { realDisk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { openTable } from "../../shared/table/delta.ts";
import { eventsSchema, writeEvents } from "../../shared/table/events.ts";

const dir = mkdtempSync(join(tmpdir(), "tributary-corpus-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("train and evaluate judge the same users of a table, with a fold-in and a target each (regression)", async () => {
  const salt = "tributary";
  const rows = Array.from({ length: 300 }, (_, user): Row[] =>
    Array.from({ length: 1 + (user % 4) }, (_, k) => ({
      user: `user ${user}`,
      item: `i${(user + 3 * k) % 11}`,
      timestamp: 0,
      value: null,
      partition: 0,
      offset: 4 * user + k,
    })),
  ).flat();
  const events = await openTable(folderStore(join(dir, "events"), realDisk), eventsSchema);
  await events.commit({
    add: [await writeEvents(events.store, batchOf(rows))],
    txn: [{ appId: "t/0", version: 1199 }],
  });
  const corpus = await corpusOfTable(dir, salt);
  const subject = await fromTable(
    dir,
    new Vocabulary(corpus.vocabulary),
    { salt, tableVersion: corpus.tableVersion },
    1_000,
  );
  for (const part of ["validation", "test"] as const) {
    const [ours, theirs] = [corpus[part], subject[part]].map((users) => users.map(({ user }) => user).sort());
    expect(ours!.length, part).toBeGreaterThan(5);
    expect(ours, part).toEqual(theirs);
    for (const { foldIn, target } of corpus[part]) expect(Math.min(foldIn.length, target.length)).toBeGreaterThan(0);
  }
  const heldOut = new Set(rows.map(({ user }) => user).filter((user) => partOf(user, salt) !== "train"));
  expect(corpus.leftOut).toBe(heldOut.size - corpus.validation.length - corpus.test.length);
  expect(corpus.leftOut).toBeGreaterThan(0);
});
