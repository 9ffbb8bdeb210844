// The table and the dead letters in an object store: a real S3 server on loopback, real processes, and a network that
// refuses, is slow, cuts off and comes late.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { loadModel, saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { modelFolder, publish } from "../../shared/checkpoints/models.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { openPrefix, openStore } from "../../shared/storage/open-store.ts";
import { openBucket } from "../../shared/storage/s3/client.ts";
import { s3Store } from "../../shared/storage/s3/store.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { conforms, swaps } from "../unit/store-suite.ts";
import { useBroker } from "./broker-folder.ts";
import { type Fate, type ObjectStore, openObjectStore, unavailable } from "./object-store.ts";
import { killAll, start as startProcess, until } from "./processes.ts";
import { ask } from "./python.ts";

const broker = useBroker("object-store");
let store: ObjectStore;
beforeAll(async () => {
  store = await openObjectStore();
  Object.assign(process.env, store.env, { XDG_CACHE_HOME: join(broker.folder, "cache") });
});
afterAll(() => store.close());
beforeEach(() => {
  store.fateOf = () => "pass";
});
afterEach(killAll);

const start = (name: string, ...args: string[]) =>
  startProcess([...args, "--data-dir", join(broker.folder, name)], broker.env);
const tributary = (name: string, ...args: string[]) => start(name, ...args).ended;
const places = (name: string) => ["--table", `s3://tables/${name}/table`, "--dead-letters", `s3://tables/${name}/dead`];
const send = (topic: string, from: number, count: number) =>
  broker.kafka.produce(
    topic,
    Array.from({ length: count }, (_, k) => ({
      key: `u${(from + k) % 97}`,
      value: (from + k) % 50 === 0 ? `broken ${from + k}` : `{"user":"u${(from + k) % 97}","item":"i${from + k}"}`,
    })),
  );
/** Entries of a place's log of events that were written. */
const commits = (place: string) =>
  store.requests.filter(
    ({ method, path, fate }) =>
      method === "PUT" && fate === "pass" && path.includes(`/${place}/table/events/_delta_log/0`) && /json/.test(path),
  ).length;

conforms("S3", (name) => openStore(`s3://tables/suite/${name}`));
swaps("S3", (name) => openPrefix(`s3://tables/suite/${name}`));

test("an object of many parts is written and read whole, and given up half-way leaves nothing", async () => {
  const parts = { size: 5 << 20, from: 6 << 20 }; // the least that S3 takes
  const bucket = openBucket("tables", process.env, parts);
  const large = s3Store({ name: "s3://tables/large", prefix: "large" }, bucket, { requests: 0, again: 0 });
  const bytes = Buffer.alloc(11 << 20, "0123456789abcdef");
  await large.put("part", bytes);
  expect(Buffer.compare(await large.read("part"), bytes)).toBe(0);
  expect(await large.putIfAbsent("part", bytes)).toBe(false);
  store.fateOf = ({ path }) => (/partNumber=3/.test(path) ? { status: 403, code: "AccessDenied" } : "pass");
  await expect(large.put("other", bytes)).rejects.toMatchObject({ code: "STORE_FORBIDDEN" });
  expect(await large.list(".")).toEqual(["part"]);
});

test("two writers, killed again and again, and a server that refuses, is slow, cuts off and comes late: every offset stands once", async () => {
  const topic = "chaos";
  const args = ["ingest", "--topic", topic, "--flush-rows", "700", "--flush-seconds", "0.3", ...places("chaos")];
  await broker.kafka.ensureTopic(topic, 4);
  let asked = 0;
  const fates: readonly Fate[] = ["slow", unavailable, "cut off", "late", { status: 500, code: "InternalError" }];
  store.fateOf = () => {
    asked++;
    return asked % 7 === 0 ? fates[Math.floor(asked / 7) % fates.length]! : "pass";
  };
  let sent = 0;
  for (let round = 0; round < 2; round++) {
    const writers = [start("chaos", ...args), start("chaos", ...args)];
    const before = commits("chaos");
    await until("they commit", async () => {
      await send(topic, sent, 100);
      sent += 100;
      return commits("chaos") > before + 2;
    });
    // killed as soon as there is anything, whatever they were doing
    for (const { child, ended } of writers) {
      child.kill("SIGKILL");
      await ended;
    }
  }
  expect(await tributary("chaos", ...args, "--until-end")).toMatchObject({ code: 0 });

  const verified = await tributary("chaos", "verify", ...places("chaos"), "--json");
  expect(verified).toMatchObject({ code: 0 });
  const report = JSON.parse(verified.stdout);
  expect(report).toMatchObject({ ok: true, problems: [], rows: sent - sent / 50 });
  expect(report.partitions.map(({ missing, duplicated }: Record<string, number>) => missing! + duplicated!)).toEqual([
    0, 0, 0, 0,
  ]);

  const options = JSON.stringify({ ...store.past, AWS_ALLOW_HTTP: "true" });
  const got = ask(
    broker.folder,
    `
import duckdb
options = json.loads(${JSON.stringify(options)})
open_table = lambda name: DeltaTable("s3://tables/chaos/" + name, storage_options=options)
events = open_table("table/events").to_pyarrow_dataset()
dead = open_table("dead").to_pyarrow_table()
items = duckdb.sql("select count(*), count(distinct item), count(distinct (kafka_partition, kafka_offset)) from events")
print(json.dumps([list(items.fetchall()[0]), dead.num_rows]))`,
  );
  const rows = sent - sent / 50;
  expect(got).toEqual([[rows, rows, rows], sent / 50]);
}, 120_000);

test("published models lie there, are listed, gone back from, and fetched by who opens them", async () => {
  const models = "s3://tables/models";
  const settings = { ...defaults, items: 12, hidden: 6, latent: 4 };
  const items = Array.from({ length: 12 }, (_, k) => `i${k}`);
  for (const step of [1, 2]) {
    const dir = join(broker.folder, `checkpoint-${step}`);
    const standing = { step, round: 1, seed: 7, salt: "s", tableVersion: 3, watermark: 1000, createdAt: 2000 };
    await saveModel(dir, initialise(recipeOf(settings), step), { config: settings, ...standing }, items);
    expect(await publish(models, dir, { at: step })).toBe(`v00000${step}`);
  }
  const back = await tributary("models", "models", "rollback", "--models", models, "--json");
  expect(JSON.parse(back.stdout)).toMatchObject({ before: "v000002", current: "v000001" });
  const listed = await tributary("models", "models", "list", "--models", models, "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject({ current: "v000001", pinned: "v000001" });
  const copy = await modelFolder(models, "v000002");
  expect((await loadModel(copy)).manifest.published?.parent).toBe("v000001");
});

test("a commit takes few requests and lists nothing", async () => {
  const topic = "counted";
  await broker.kafka.ensureTopic(topic, 1);
  const running = start(
    "counted",
    "ingest",
    "--topic",
    topic,
    "--flush-seconds",
    "0.2",
    "--no-upkeep",
    ...places("counted"),
  );
  await send(topic, 1, 49); // none is broken
  await until("the table is there", () => commits("counted") > 0);
  await until("it is at rest", async () => {
    const before = store.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return store.requests.length === before;
  });
  store.requests.length = 0;
  for (let k = 0; k < 8; k++) {
    const before = commits("counted");
    await send(topic, 1, 49);
    await until("one more commit", () => commits("counted") > before);
  }
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
  const made = commits("counted");
  const of = (method: string) => store.requests.filter((each) => each.method === method).length;
  expect(store.requests.filter(({ path }) => /list-type/.test(path))).toEqual([]);
  // the entry and the file; that ours still stands and that nothing lies behind the next; a checkpoint of the log every
  // tenth commit
  expect(of("PUT")).toBeLessThanOrEqual(2 * made + 2);
  expect(of("GET")).toBeLessThanOrEqual(2 * made + 1);
});

test.each<[string, string, Fate, RegExp, number]>([
  ["a bucket that is missing", "s3://no-such-bucket/t", "pass", /^BUCKET_MISSING: there is no such bucket, /, 1],
  [
    "a bucket that is forbidden",
    "s3://tables/t",
    { status: 403, code: "AccessDenied" },
    /^STORE_FORBIDDEN: .*s3:ListBucket/,
    1,
  ],
  [
    "a bucket in another region",
    "s3://tables/t",
    { status: 301, code: "PermanentRedirect", headers: { "x-amz-bucket-region": "eu-west-1" } },
    /^BUCKET_ELSEWHERE: the bucket is in eu-west-1, .*AWS_REGION/,
    1,
  ],
  [
    "credentials that have expired",
    "s3://tables/t",
    { status: 400, code: "ExpiredToken" },
    /^STORE_LOGIN_EXPIRED: the credentials have expired/,
    2,
  ],
  [
    "a clock that is wrong",
    "s3://tables/t",
    { status: 403, code: "RequestTimeTooSkewed" },
    /^CLOCK_WRONG: the clock of this machine or of the server is wrong/,
    2,
  ],
  ["a server that is overloaded", "s3://tables/t", unavailable, /^STORE_AWAY: .*SlowDown.*\(6 tries\)/, 6],
])("%s is one message, and no storm of requests", async (_, table, fate, message, tries) => {
  store.fateOf = () => fate;
  store.requests.length = 0;
  const { code, stderr } = await tributary("bad", "verify", "--table", table, "--json");
  expect(stderr).toMatch(message);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(code).toBeGreaterThan(0);
  expect(store.requests).toHaveLength(tries);
});

test("credentials that expire while ingest runs: it waits, says so, and nothing is lost once they are renewed", async () => {
  const topic = "expiring";
  await broker.kafka.ensureTopic(topic, 1);
  const args = ["ingest", "--topic", topic, "--flush-seconds", "0.2", ...places("expiring")];
  const running = start("expiring", ...args);
  await send(topic, 1, 49);
  await until("the table is there", () => commits("expiring") > 0);
  store.fateOf = () => ({ status: 400, code: "ExpiredToken" });
  await send(topic, 1, 49);
  const asked = store.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(store.requests.length - asked).toBeGreaterThan(0);
  expect(store.requests.length - asked).toBeLessThan(20);
  store.fateOf = () => "pass";
  await until("it goes on", () => commits("expiring") > 1);
  running.child.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  expect(code).toBe(0);
  expect(stderr.match(/STORE_LOGIN_EXPIRED/g)).toHaveLength(1);
  expect(JSON.parse((await tributary("expiring", "verify", ...places("expiring"), "--json")).stdout)).toMatchObject({
    ok: true,
    rows: 98,
  });
});

test("ingest that waits at its start for a store that is away ends when it is asked to", async () => {
  store.fateOf = () => unavailable;
  store.requests.length = 0;
  await broker.kafka.ensureTopic("away", 1);
  const running = start("away", "ingest", "--topic", "away", ...places("away"));
  await until("it asks", () => store.requests.length > 0);
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});
