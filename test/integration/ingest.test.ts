// Real Kafka, real processes: a file replayed, broken messages among it, ingest killed in the middle; the table and the
// dead letters hold every offset once.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { eventsOf } from "../../shared/events/batch.ts";
import { discover } from "../../shared/http/registry.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openDeadLetters, readDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, readEvents } from "../../shared/table/events.ts";
import { useBroker } from "./broker-folder.ts";
import { start as startProcess, until } from "./processes.ts";

const broker = useBroker("ingest");
const { folder } = broker;

const start = (dataDir: string, ...args: string[]) => startProcess([...args, "--data-dir", dataDir], broker.env);
const tributary = (dataDir: string, ...args: string[]) => start(dataDir, ...args).ended;

/** What the two tables of a data directory hold, by `partition/offset`. */
async function tables(dataDir: string) {
  const events = await openEvents(pathsOf(dataDir).table);
  const rows: { at: string; user: string; item: string; timestamp: number; value: number | null }[] = [];
  for (const file of events.files) {
    const batch = eventsOf(await readEvents(events.store, file));
    rows.push(...batch.map((row) => ({ ...row, at: `${row.partition}/${row.offset}` })));
  }
  const dead = await openDeadLetters(pathsOf(dataDir).deadLetters);
  const letters = (await Promise.all(dead.files.map((file) => readDeadLetters(dead.store, file)))).flat();
  return {
    events,
    rows,
    letters: letters.map((letter) => ({ ...letter, at: `${letter.partition}/${letter.offset}` })),
  };
}

/** Every offset of the topic, as `partition/offset`. */
const offsetsOf = async (topic: string) =>
  (await broker.kafka.endOffsets(topic))
    .flatMap(({ partition, end }) => Array.from({ length: end }, (_, offset) => `${partition}/${offset}`))
    .sort();

test("a replayed file and broken messages among it: good rows in the table, bad ones in the dead letters, nothing elsewhere", async () => {
  const dataDir = join(folder, "first");
  const file = join(folder, "ratings.csv.gz");
  const lines = Array.from({ length: 3000 }, (_, k) => `${k % 70},${k % 311},${(k % 9) / 2},${1_600_000_000 + k}`);
  lines.splice(100, 0, ",5,1,1600000000", "7,8", "7,8,9,yesterday");
  writeFileSync(file, gzipSync(`userId,movieId,rating,timestamp\n${lines.join("\n")}\n`));

  const replayed = await tributary(dataDir, "replay", file, "--topic", "first");
  expect(replayed).toMatchObject({
    code: 1, // not all of the file came: it is no success
    stderr: expect.stringMatching(
      /line 102 skipped.*user is empty[\s\S]*line 103[\s\S]*line 104[\s\S]*"read":3003,"produced":3000,"skipped":3[\s\S]*ROWS_REFUSED: of 3,003 rows 3,000 were sent and 3 refused: .*line 102/,
    ),
  });
  const broken = ["", "{", '{"user":"a"}', Buffer.from([0xff]), '{"user":"a","item":"b","timestamp":"now"}'];
  await broker.kafka.produce("first", [
    ...broken.map((value) => ({ key: "bad", value })),
    { key: "good", value: '{"user":"new","item":1,"more":2}' },
  ]);
  expect(await tributary(dataDir, "ingest", "--topic", "first", "--until-end")).toMatchObject({ code: 0 });

  const { rows, letters } = await tables(dataDir);
  expect(letters.map(({ reason }) => reason)).toEqual([
    "EMPTY",
    "NOT_JSON",
    "ITEM_MISSING",
    "NOT_UTF8",
    "TIMESTAMP_INVALID",
  ]);
  expect(letters.map(({ value }) => Buffer.from(value ?? []))).toEqual(broken.map((value) => Buffer.from(value)));
  expect([...rows, ...letters].map(({ at }) => at).sort()).toEqual(await offsetsOf("first"));
  const key = ({
    user,
    item,
    timestamp,
    value,
  }: {
    user: string;
    item: string;
    timestamp: number;
    value: number | null;
  }) => `${user} ${item} ${timestamp} ${value}`;
  const expected = Array.from({ length: 3000 }, (_, k) =>
    key({ user: `${k % 70}`, item: `${k % 311}`, timestamp: 1000 * (1_600_000_000 + k), value: (k % 9) / 2 }),
  );
  expect(
    rows
      .filter(({ user }) => user !== "new")
      .map(key)
      .sort(),
  ).toEqual(expected.sort());

  // Begun again, it sends nothing twice, and still does not end as if all of the file had come.
  expect(await tributary(dataDir, "replay", file, "--topic", "first")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('"produced":0'),
  });
});

test("ingest killed again and again, and two at once: every offset stands once in the table or in the dead letters", async () => {
  const dataDir = join(folder, "killed");
  const args = ["ingest", "--topic", "killed", "--flush-rows", "700", "--flush-seconds", "0.3"];
  await broker.kafka.ensureTopic("killed", 4);
  const event = (k: number) => ({
    key: `u${k % 97}`,
    value: k % 50 === 0 ? `broken ${k}` : `{"user":"u${k % 97}","item":"i${k}"}`,
  });
  const send = (from: number, count: number) =>
    broker.kafka.produce(
      "killed",
      Array.from({ length: count }, (_, k) => event(from + k)),
    );
  let sent = 0;
  for (let round = 0; round < 4; round++) {
    const { child, ended } = start(dataDir, ...args);
    const before = (await tables(dataDir)).events.version;
    for (let k = 0; k < 4; k++, sent += 500) await send(sent, 500);
    // Killed as soon as it has committed anything: whatever it was doing then is cut off.
    await until("it commits", async () => (await tables(dataDir)).events.version > before);
    child.kill("SIGKILL");
    await ended;
  }
  const [one, two] = [start(dataDir, ...args), start(dataDir, ...args)];
  await until("both run", () => discover(pathsOf(dataDir).run).length === 2);
  for (let k = 0; k < 10; k++, sent += 500) await send(sent, 500);
  one.child.kill("SIGTERM");
  expect(await one.ended).toMatchObject({ code: 0 });
  two.child.kill("SIGTERM");
  expect(await two.ended).toMatchObject({ code: 0 });
  expect(await tributary(dataDir, ...args, "--until-end")).toMatchObject({ code: 0 });

  const { rows, letters, events } = await tables(dataDir);
  expect([...rows, ...letters].map(({ at }) => at).sort()).toEqual(await offsetsOf("killed"));
  expect(rows.map(({ item }) => item).sort()).toEqual(
    Array.from({ length: sent }, (_, k) => k)
      .filter((k) => k % 50 !== 0)
      .map((k) => `i${k}`)
      .sort(),
  );
  expect(events.watermark).toBeGreaterThan(Date.now() - 120_000);
}, 120_000);

test("a topic that was made anew, with a table of the old one, is refused", async () => {
  const dataDir = join(folder, "anew");
  await broker.kafka.ensureTopic("old", 1);
  await broker.kafka.produce("old", [{ key: "a", value: '{"user":"a","item":"b"}' }]);
  expect(await tributary(dataDir, "ingest", "--topic", "old", "--until-end")).toMatchObject({ code: 0 });
  const table = await openEvents(pathsOf(dataDir).table);
  await table.commit({ add: [], txn: [{ appId: "old/0", version: 41 }] });
  expect(await tributary(dataDir, "ingest", "--topic", "old", "--until-end")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("OFFSETS_LOST"),
  });
});

test("the synthetic stream is sent, stopped, and goes on where it was", async () => {
  const dataDir = join(folder, "synthetic");
  const args = ["replay", "synthetic", "--topic", "synthetic", "--history", "5000"];
  const { child, ended } = start(dataDir, ...args, "--rate", "500");
  await until("the history is sent", async () => {
    const bounds = await broker.kafka.endOffsets("synthetic").catch(() => []);
    return bounds.reduce((sum, { end }) => sum + end, 0) > 5000;
  });
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 0 });
  const again = await tributary(
    dataDir,
    "replay",
    "synthetic",
    "--topic",
    "synthetic",
    "--history",
    "9000",
    "--rate",
    "0",
  );
  expect(again).toMatchObject({ code: 0 });
  expect(await tributary(dataDir, "ingest", "--topic", "synthetic", "--until-end")).toMatchObject({ code: 0 });
  const { rows } = await tables(dataDir);
  expect(rows).toHaveLength(9000);
  expect(rows.every(({ timestamp }) => Math.abs(timestamp - Date.now()) < 25 * 3600_000)).toBe(true);
});
