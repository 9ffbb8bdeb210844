// Every user's figures on disk: what is written is what is read, files are whole, and their number is bounded.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  eraseUser,
  keepEpoch,
  keepTest,
  listEpochs,
  readEpoch,
  readTest,
  type Scored,
  writePerUser,
} from "../../shared/judging/per-user.ts";
import { openParquet } from "../../shared/storage/parquet-file.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-per-user-"));
afterAll(() => rmSync(root, { recursive: true }));

const model: Scored = {
  part: "validation",
  scorer: "model",
  users: ["u1", "ü2", "u3"],
  metrics: { "ndcg@100": Float64Array.of(0.25, 1, Number.NaN), "recall@20": Float32Array.of(0.5, 0, 1) },
};
const popularity: Scored = {
  ...model,
  scorer: "popularity",
  metrics: { "ndcg@100": [0.1, 0.1, 0.1], "recall@20": [0, 0, 0] },
};
const onTest: Scored = { ...model, part: "test", users: ["t1", "t2", "t3"] };

test("a file holds a row for each part, scorer and user, with null where a user has no target", async () => {
  const path = join(root, "evaluation.parquet");
  await writePerUser(path, { epoch: 7, step: 5_000_000_000 }, [model, popularity, onTest]);
  const file = await openParquet(path);
  const names = ["part", "scorer", "user", "epoch", "step", "ndcg@100", "recall@20"];
  expect(file.fields.map(({ name }) => name)).toEqual(names);
  const rows: unknown[][] = [];
  for await (const batch of file.batches(names, 0))
    for (let k = 0; k < batch.numRows; k++) rows.push(names.map((name) => batch.getChild(name)!.get(k)));
  expect(rows).toHaveLength(9);
  expect(rows[1]).toEqual(["validation", "model", "ü2", 7, 5_000_000_000n, 1, 0]);
  expect(rows[2]).toEqual(["validation", "model", "u3", 7, 5_000_000_000n, null, 1]);
  expect(rows[3]).toEqual(["validation", "popularity", "u1", 7, 5_000_000_000n, 0.1, 0]);
  expect(rows[8]![0]).toBe("test");
});

test("an epoch is read back as the model's figures of validation users that have one", async () => {
  const dir = join(root, "read");
  await keepEpoch(dir, { epoch: 3, step: 9 }, [popularity, onTest, model]);
  expect(await readEpoch(dir, 3, "ndcg@100")).toEqual(
    new Map([
      ["u1", 0.25],
      ["ü2", 1],
    ]),
  );
  await expect(readEpoch(dir, 3, "ndcg@7")).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  await expect(readEpoch(dir, 4, "ndcg@100")).rejects.toMatchObject({ code: "FILE_MISSING" });
});

test("the test users of the best epoch are read back, and count as no epoch", async () => {
  const dir = join(root, "test");
  await keepTest(dir, { epoch: 3, step: 9 }, onTest);
  expect([...(await readTest(dir, "recall@20")).keys()]).toEqual(onTest.users);
  expect(await listEpochs(dir)).toEqual([]);
});

test("the newest epochs are kept, one file each, and foreign files stay", async () => {
  const dir = join(root, "bounded");
  expect(await listEpochs(dir)).toEqual([]);
  for (const epoch of [1, 2, 10, 2, 11]) await keepEpoch(dir, { epoch, step: epoch }, [model], 3);
  writeFileSync(join(dir, "epoch-last.parquet"), "mine");
  expect(await listEpochs(dir)).toEqual([2, 10, 11]);
  expect(readdirSync(dir).sort()).toEqual([
    "epoch-000002.parquet",
    "epoch-000010.parquet",
    "epoch-000011.parquet",
    "epoch-last.parquet",
  ]);
});

test("a user who is forgotten is in no file any more, by no byte of the name, and nothing else changes", async () => {
  const dir = join(root, "forgotten");
  await keepEpoch(dir, { epoch: 1, step: 1 }, [model, popularity, onTest]);
  await keepEpoch(dir, { epoch: 2, step: 2 }, [{ ...model, users: ["u1", "u7", "u3"] }]);
  await writePerUser(join(root, "wanted.parquet"), { epoch: 1, step: 1 }, [
    without(model),
    without(popularity),
    onTest,
  ]);
  const { mtimeMs } = statSync(join(dir, "epoch-000002.parquet"));
  expect(await eraseUser(dir, "ü2")).toBe(1);
  expect(readFileSync(join(dir, "epoch-000001.parquet"))).toEqual(readFileSync(join(root, "wanted.parquet")));
  expect(statSync(join(dir, "epoch-000002.parquet")).mtimeMs).toBe(mtimeMs);
  expect(await eraseUser(dir, "ü2")).toBe(0);
  expect(await eraseUser(join(root, "nowhere"), "ü2")).toBe(0);

  function without({ users, metrics, ...rest }: Scored): Scored {
    const left = (_: unknown, k: number) => users[k] !== "ü2";
    const values = Object.entries(metrics).map(([name, all]) => [name, Array.from(all).filter(left)]);
    return { ...rest, users: users.filter(left), metrics: Object.fromEntries(values) };
  }
});

test("a file that is no Parquet is told with its path", async () => {
  const dir = join(root, "torn");
  await keepEpoch(dir, { epoch: 1, step: 1 }, [model]);
  writeFileSync(join(dir, "epoch-000001.parquet"), "PAR1 and nothing else");
  await expect(readEpoch(dir, 1, "ndcg@100")).rejects.toThrow(/FILE_UNREADABLE.*epoch-000001\.parquet/);
});
