import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listCheckpoints, loadModel, newestOfRounds } from "../../shared/checkpoints/checkpoints.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { orderOf, rowsAt } from "../../shared/events/arrange.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { partOf } from "../../shared/events/split.ts";
import { openEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { readItems } from "../../shared/table/items.ts";
import { vacuum } from "../../shared/table/vacuum.ts";
import { type Cluster, freePort, openCluster, type ServerStatus, tributary } from "./training-cluster.ts";

let cluster: Cluster;
beforeAll(() => {
  cluster = openCluster();
});
afterAll(() => cluster.free());

/** One version of the table: 2,000 events of 200 users on `items` items, from an arithmetic that repeats. */
async function commit(table: string, items: number, newestArrival: number): Promise<void> {
  const events = await openEvents(table);
  const offset = events.rows;
  const rows = Array.from({ length: 2_000 }, (_, k) => ({
    user: `u${(k * 7) % 200}`,
    item: `i${(k * k + 3 * k + offset) % items}`,
    timestamp: newestArrival - k,
    value: null,
    partition: 0,
    offset: offset + k,
  }));
  const file = await writeEvents(events.store, batchOf(rows));
  await events.commit({ add: [file], txn: [{ appId: "test/0", version: offset + rows.length - 1 }], newestArrival });
}

test.each(["recvae", "mult-vae"])(
  "a server of %s on a growing table waits for events, trains, grows with items, drains, goes on from its checkpoint",
  async (model) => {
    const table = join(cluster.dir, `table of ${model}`);
    const out = join(cluster.dir, `training of ${model}`);
    const flags = ["--model", model, "--table", table, "--users-per-round", "100"];
    const port = await freePort();
    const first = cluster.startServer(out, port, ...flags);
    expect((await cluster.until(first, ({ state }) => state === "waiting for events")).hint).toMatch(/too few events/);

    await commit(table, 90, 1_700_000_000_000);
    cluster.startTrainer(port);
    const before = await cluster.until(first, ({ round, checkpoint }) => round >= 2 && checkpoint !== null);
    expect(before).toMatchObject({ state: "training", users: 100, tableVersion: 0, watermark: 1_700_000_000_000 });

    await commit(table, 140, 1_700_000_100_000);
    // A round that holds the new version must have ended: rounds are short, and one more may have ended on the old
    // version meanwhile.
    const pinned = await cluster.until(first, ({ tableVersion }) => tableVersion === 1);
    const after = await cluster.until(first, ({ round }) => round > Math.max(pinned.round, before.round + 1));
    expect(after.items).toBeGreaterThan(before.items);
    await first.stop(10_000);
    expect(await first.exited).toBe(0);

    const newest = (await listCheckpoints(join(out, "checkpoints"))).at(-1)!;
    const { manifest, vocabulary } = await loadModel(newest);
    expect(manifest).toMatchObject({
      model,
      tableVersion: 1,
      watermark: 1_700_000_100_000,
      salt: "tributary",
      config: { items: after.items },
    });
    expect(await readItems(table)).toEqual(vocabulary);

    const second = cluster.startServer(out, port, ...flags);
    const resumed = await cluster.until(second, ({ round }) => round > manifest.round);
    expect(resumed.items).toBe(after.items);
    await second.stop(10_000);
    expect(await second.exited, readFileSync(join(cluster.dir, "server.log"), "utf8").slice(-500)).toBe(0);
  },
  90_000,
);

test("a system with a vector for each training user trains on a table, and what it leaves knows its items by name", async () => {
  const table = join(cluster.dir, "table of cdae");
  await commit(table, 90, 1);
  const out = join(cluster.dir, "cdae");
  const flags = [
    "--model",
    "cdae",
    "--table",
    table,
    "--epochs",
    "2",
    "--hidden",
    "8",
    "--trainers",
    "1",
    "--out",
    out,
  ];
  const run = await tributary("train", ...flags, "--data-dir", join(cluster.dir, "d"));
  expect(run.code, run.stderr).toBe(0);
  const { weights, manifest, vocabulary } = await loadModel(out);
  const trained = Array.from({ length: 200 }, (_, k) => partOf(`u${k}`, "tributary")).filter(
    (part) => part === "train",
  ).length;
  expect(manifest).toMatchObject({ model: "cdae", config: { items: vocabulary.length } });
  expect(weights["user.weight"]!.shape[0]).toBeGreaterThanOrEqual(trained);
  expect(vocabulary.every((item) => /^i\d+$/.test(item))).toBe(true);
}, 60_000);

test("held-out users are never trained on", async () => {
  const trained = Array.from({ length: 200 }, (_, k) => partOf(`u${k}`, "tributary")).filter(
    (part) => part === "train",
  ).length;
  const table = join(cluster.dir, "table-2");
  await commit(table, 90, 1);
  const port = await freePort();
  const server = cluster.startServer(join(cluster.dir, "training-2"), port, "--table", table);
  cluster.startTrainer(port);
  expect((await cluster.until(server, ({ round }) => round >= 1)).users).toBe(trained);
  await server.stop();
}, 60_000);

test("a server whose checkpoint's version was compacted and vacuumed goes on from the newest version", async () => {
  const table = join(cluster.dir, "table-3");
  const out = join(cluster.dir, "training-3");
  await commit(table, 90, 1);
  const port = await freePort();
  const first = cluster.startServer(out, port, "--table", table);
  cluster.startTrainer(port);
  const before = await cluster.until(first, ({ round, checkpoint }) => round >= 1 && checkpoint !== null);
  await first.stop(10_000);
  const events = await openEvents(table);
  const [file] = events.files;
  const { order, batch } = await sorted(events.store, file!);
  await events.commit({
    remove: [file!],
    add: [await writeEvents(events.store, rowsAt(batch, order))],
    operation: "OPTIMIZE",
  });
  await vacuum({ events }, { retentionMs: 0, clock: Date.now(), dryRun: false });
  const second = cluster.startServer(out, port, "--table", table);
  const after = await cluster.until(
    second,
    ({ round, tableVersion }) => round > before.round + 1 && tableVersion === 1,
  );
  expect(after.state).toBe("training");
  await second.stop(10_000);
}, 60_000);

test("a server drained in the middle of a round goes on from there, and the round ends with the bytes of one that was never stopped", async () => {
  const table = join(cluster.dir, "table-4");
  await commit(table, 90, 1);
  const port = await freePort();
  const flags = ["--table", table, "--users-per-round", "100", "--encoder-passes", "30", "--checkpoints-kept", "100"];
  cluster.startTrainer(port);
  const start = (out: string) => cluster.startServer(out, port, ...flags);
  const stop = async (server: ReturnType<typeof start>) => {
    await server.stop(10_000);
    expect(await server.exited).toBe(0);
  };

  const out = join(cluster.dir, "training-4");
  const first = start(out);
  await cluster.until(first, ({ round, step }) => round === 1 && step % 63 > 20 && step % 63 < 40);
  await stop(first);
  const { manifest } = await newestOf(out);
  expect(manifest.midRound).toBe(true);
  const hasEnded = ({ checkpoint }: ServerStatus) => (checkpoint?.round ?? 0) > manifest.round;
  const second = start(out);
  await cluster.until(second, hasEnded);
  await stop(second);

  const clean = join(cluster.dir, "training-5");
  const undisturbed = start(clean);
  await cluster.until(undisturbed, hasEnded);
  await stop(undisturbed);
  expect(await endOfRound(out, manifest.round + 1)).toEqual(await endOfRound(clean, manifest.round + 1));
}, 120_000);

test("models rollback --branch: a running server is not written over; stopped and started again it trains on from the model gone back to", async () => {
  const [table, out, models] = ["table-6", "training-6", "models-6"].map((name) => join(cluster.dir, name)) as [
    string,
    string,
    string,
  ];
  await commit(table, 90, 1);
  const port = await freePort();
  const start = () => cluster.startServer(out, port, "--table", table, "--users-per-round", "100");
  const publishNewest = async () =>
    publish(models, (await newestOfRounds(await listCheckpoints(join(out, "checkpoints"))))!, {});
  cluster.startTrainer(port);
  const first = start();
  await cluster.until(first, ({ checkpoint }) => (checkpoint?.round ?? 0) >= 1);
  await first.stop(10_000);
  expect(await publishNewest()).toBe("v000001");

  await commit(table, 140, 2);
  const second = start();
  await cluster.until(second, ({ tableVersion, checkpoint }) => tableVersion === 1 && (checkpoint?.round ?? 0) >= 4);
  const rollback = ["models", "rollback", "--branch", "--json", "--models", models, "--out", out];
  const refused = await tributary(...rollback, "1");
  expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("ALREADY_RUNNING") });
  await second.stop(10_000);
  expect(await publishNewest()).toBe("v000002");
  const { manifest } = await newestOf(out);

  const done = await tributary(...rollback);
  expect(done).toMatchObject({ code: 0, stderr: "" });
  const answer = JSON.parse(done.stdout);
  const { branch } = answer;
  expect(answer).toMatchObject({
    current: "v000001",
    pinned: "v000001",
    before: "v000002",
    branch: { round: manifest.round + 1 },
  });
  expect(branch.step).toBeGreaterThan(manifest.step);
  expect(readFileSync(join(branch.checkpoint, "model.safetensors"))).toEqual(
    readFileSync(join(models, "v000001", "model.safetensors")),
  );

  const third = start();
  const after = await cluster.until(third, ({ checkpoint }) => (checkpoint?.round ?? 0) >= branch.round + 2);
  expect(after).toMatchObject({ tableVersion: 1, items: manifest.config.items });
  expect(after.items).toBeGreaterThan((await loadModel(join(models, "v000001"))).vocabulary.length);
  await third.stop(10_000);
  expect(await third.exited, cluster.lastWords()).toBe(0);
  expect(readFileSync(join(cluster.dir, "server.log"), "utf8")).toContain(branch.checkpoint);
  expect((await newestOf(out)).vocabulary).toEqual(await readItems(table));
}, 120_000);

const newestOf = async (out: string) => loadModel((await listCheckpoints(join(out, "checkpoints"))).at(-1)!);

/** Weights at the end of a round, and the step that it ended with. */
async function endOfRound(out: string, round: number) {
  for (const dir of await listCheckpoints(join(out, "checkpoints"))) {
    const { manifest, weights } = await loadModel(dir);
    if (manifest.round === round && !manifest.midRound) return { step: manifest.step, weights };
  }
  throw new Error("no checkpoint of the round's end");
}

async function sorted(...of: Parameters<typeof readEvents>) {
  const batch = await readEvents(...of);
  return { batch, order: orderOf(batch) };
}
