// Real Kafka, real processes: broken messages are ingested, listed, corrected, sent back, and stand in the table; a
// second time nothing is sent.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringsOf } from "../../shared/events/text.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, readEvents } from "../../shared/table/events.ts";
import { useBroker } from "./broker-folder.ts";
import { start } from "./processes.ts";

const broker = useBroker("dead");
const { folder } = broker;
const dataDir = join(folder, "data");

const tributary = (args: readonly string[], input = "") =>
  start([...args, "--data-dir", dataDir], broker.env, input).ended;

interface Line {
  offset: number;
  timestamp: number;
  reason: string;
  value?: string | null;
  sentBackAt?: number;
}
const linesOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
const letters = async (...flags: string[]) =>
  linesOf((await tributary(["dead-letters", "list", "--json", ...flags])).stdout);
const sent = async () => (await broker.kafka.endOffsets("clicks")).reduce((sum, { end }) => sum + end, 0);
const ingest = async () =>
  expect(await tributary(["ingest", "--topic", "clicks", "--until-end"])).toMatchObject({ code: 0 });

test("broken messages are listed, corrected, sent back once, and stand in the table", async () => {
  await broker.kafka.ensureTopic("clicks", 4);
  const broken = [
    '{"user":"a","item":1,"timestamp":"now"}',
    '{"user":"b","item":2',
    Buffer.from([0xff]),
    '{"user":"c"}',
  ];
  await broker.kafka.produce("clicks", [
    ...broken.map((value) => ({ key: "bad", value })),
    { key: "good", value: '{"user":"good","item":"g","timestamp":1}' },
  ]);
  await ingest();

  const table = await tributary(["dead-letters", "list", "--limit", "3"]);
  expect(table.stdout).toMatch(
    / clicks\/\d\/1 +NOT_JSON +\{"user":"b","item":2\n.* NOT_UTF8 +\\xff\n.* ITEM_MISSING +\{"user":"c"\}\n\n/,
  );
  expect(table.stdout).toContain("the newest 3 of 4");
  const found = await letters();
  expect(found.map(({ reason }) => reason)).toEqual(["TIMESTAMP_INVALID", "NOT_JSON", "NOT_UTF8", "ITEM_MISSING"]);

  // The second is forgotten at first: nothing is sent until it is corrected, too.
  const [first, second, third] = found as [Line, Line, Line];
  const fixed = [
    { ...first, value: '{"user":"a","item":1,"timestamp":1700000000000}' },
    second,
    { ...third, value: '{"user":"z","item":3}' },
  ];
  const asText = (lines: readonly Line[]) => lines.map((line) => JSON.stringify(line)).join("\n");
  const refused = await tributary(["dead-letters", "replay", "-"], asText(fixed));
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^line 2: still no event: NOT_JSON.*\nLETTERS_REFUSED: /),
  });
  expect(await sent()).toBe(5);

  const file = join(folder, "letters.jsonl");
  writeFileSync(
    file,
    asText(fixed.map((line) => (line.offset === second.offset ? { ...line, value: `${line.value}}` } : line))),
  );
  const replayed = await tributary(["dead-letters", "replay", file, "--json"]);
  expect(replayed).toMatchObject({
    code: 0,
    stderr: "sent back 3 letters\n",
    stdout: '{"sent":3,"before":0,"left":0}\n',
  });
  expect(await sent()).toBe(8);
  await ingest();

  const events = await openEvents(pathsOf(dataDir).table);
  const rows: string[] = [];
  for (const eventFile of events.files) {
    const { user, item, timestamp } = await readEvents(events.store, eventFile);
    const [users, items] = [stringsOf(user.words), stringsOf(item.words)];
    for (let k = 0; k < eventFile.rows; k++)
      rows.push(`${users[user.numbers[k]!]} ${items[item.numbers[k]!]} ${timestamp[k]}`);
  }
  expect(rows.sort()).toEqual(["a 1 1700000000000", `b 2 ${second.timestamp}`, "good g 1", `z 3 ${third.timestamp}`]);

  const again = await tributary(["dead-letters", "replay", file]);
  expect(again).toMatchObject({ code: 0, stderr: "nothing to send back: 3 letters had been sent back before\n" });
  expect(await sent()).toBe(8);
  expect((await letters()).map(({ reason }) => reason)).toEqual(["ITEM_MISSING"]);
  expect((await letters("--all")).filter(({ sentBackAt }) => sentBackAt !== undefined)).toHaveLength(3);
  expect((await tributary(["dead-letters", "list"])).stdout).toContain("3 letters sent back are left out");
  expect(await tributary(["verify"])).toMatchObject({ code: 0, stdout: expect.stringContaining("every offset once") });
}, 120_000);

test("a list longer than a pipe holds arrives whole", async () => {
  const dir = join(folder, "many");
  const table = await openDeadLetters(dir);
  const many = Array.from({ length: 5000 }, (_, offset) => ({
    ...{
      topic: "many",
      partition: 0,
      offset,
      timestamp: offset,
      reason: "NOT_JSON" as const,
      detail: "the value is no JSON",
    },
    value: Buffer.from("x".repeat(100)),
  }));
  await table.commit({ add: [await writeDeadLetters(table.store, many)] });
  expect((await letters("--dead-letters", dir)).map(({ offset }) => offset)).toEqual(many.map(({ offset }) => offset));
});

test("mistakes on the command line are told, and an empty input is no mistake", async () => {
  expect(await tributary(["dead-letters", "replay"])).toMatchObject({
    code: 0,
    stderr: "no letters in the input: nothing to send back\n",
  });
  expect(await tributary(["dead-letters", "replay", join(folder, "none")])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^FILE_MISSING/),
  });
  expect(await tributary(["dead-letters", "replay", "--reason", "EMPTY"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^USAGE: .*filter with list/),
  });
  expect(await tributary(["dead-letters", "list", "--reason", "BAD"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/NOT_JSON/),
  });
});
