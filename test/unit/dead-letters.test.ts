// Dead letters in the operator's hands: what a line holds, which are shown, what is sent back, and what is refused with
// its line.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { formatLine, type Listed, parseLines } from "../../services/commands/dead-letters/lines.ts";
import { listingText, newestOf, tallyOf } from "../../services/commands/dead-letters/listing.ts";
import { batchesOf, planOf } from "../../services/commands/dead-letters/plan.ts";
import { openSentBack } from "../../services/commands/dead-letters/sent-back.ts";

const at = Date.UTC(2024, 4, 1, 12);
const letter = (change: Partial<Listed> = {}): Listed => ({
  topic: "clicks",
  partition: 0,
  offset: 7,
  timestamp: at,
  reason: "NOT_JSON",
  detail: "the value is no JSON",
  value: Buffer.from("{user:1}"),
  sentBackAt: null,
  ...change,
});
const line = (change: object = {}) =>
  JSON.stringify({ topic: "clicks", partition: 0, offset: 7, value: '{"user":"a","item":"b"}', ...change });

/**
 * What is done with lines when the letters 5 to 9 of partition 0 are dead letters, and `sentBack` of them were sent
 * back.
 */
const plan = (text: string, ...sentBack: number[]) =>
  planOf(
    parseLines(text),
    new Map([5, 6, 7, 8, 9].map((offset) => [`clicks/0/${offset}`, at])),
    new Map(sentBack.map((offset) => [`clicks/0/${offset}`, at])),
  );

test("a letter is a line of JSON: its value as text, as base64 where it is none, null where there was none", () => {
  expect(JSON.parse(formatLine(letter()))).toEqual({
    topic: "clicks",
    partition: 0,
    offset: 7,
    timestamp: at,
    reason: "NOT_JSON",
    detail: "the value is no JSON",
    value: "{user:1}",
  });
  expect(JSON.parse(formatLine(letter({ value: Buffer.from([0x7b, 0xff]) })))).toMatchObject({ valueBase64: "e/8=" });
  expect(JSON.parse(formatLine(letter({ value: null, sentBackAt: at + 1 })))).toMatchObject({
    value: null,
    sentBackAt: at + 1,
  });
});

test("what list prints, replay reads: the same bytes of every value", () => {
  const values = [
    Buffer.from('{"a":"ß\u2028"}\n'),
    Buffer.from("\ufeff{}"),
    Buffer.from([0xff, 0, 0x80]),
    Buffer.alloc(0),
    null,
  ];
  const text = values.map((value, offset) => formatLine(letter({ value, offset }))).join("\n");
  const { corrections, problems } = parseLines(text);
  expect(problems).toEqual([]);
  expect(corrections.map(({ value }) => value && Buffer.from(value))).toEqual(values);
});

test("a corrected letter is sent under its user, byte for byte as it was corrected", () => {
  const value = '{"user": 12, "item":"b", "timestamp":5, "page":"x"}';
  expect(plan(line({ value }))).toEqual({
    send: [{ place: { topic: "clicks", partition: 0, offset: 7 }, key: "12", value }],
    before: 0,
    problems: [],
  });
});

test("an event without a time of its own keeps the time at which the letter first came", () => {
  const { send } = plan(`${line()}\n${line({ offset: 8, value: '{"user":"a","item":"b","timestamp":null}' })}`);
  expect(send.map(({ value }) => JSON.parse(String(value)))).toEqual(
    Array(2).fill({ user: "a", item: "b", timestamp: at }),
  );
});

test("a corrected value stands for the bytes that were no text", () => {
  expect(plan(line({ valueBase64: "e/8=" })).send).toHaveLength(1);
  expect(plan(line({ value: undefined, valueBase64: "e/8=" })).problems).toEqual([
    "line 1: still no event: NOT_UTF8, the value is no UTF-8 (clicks/0/7)",
  ]);
});

test.each([
  ["is no JSON", "{", "line 2: no JSON object, one a line (jq -c)"],
  ["is no object", "[]", "line 2: no JSON object, one a line (jq -c)"],
  ["lacks its offset", line({ offset: undefined }), "line 2: offset must be an integer"],
  ["has the event as an object", line({ value: {} }), "line 2: value must be the event's JSON as text (jq: tojson)"],
  ["is still broken", line({ value: '{"user":"a"}' }), "line 2: still no event: ITEM_MISSING, no item (clicks/0/7)"],
  ["has no value", line({ value: null }), "line 2: still no event: EMPTY, the message has no value (clicks/0/7)"],
  ["names no dead letter", line({ topic: "click" }), "line 2: no dead letter of this table (click/0/7)"],
  ["repeats another", line({ offset: 5 }), "line 2: the same letter as line 1 (clicks/0/5)"],
])("a line that %s is told with its number", (_, text, problem) => {
  expect(plan(`${line({ offset: 5 })}\n${text}\n\n${line({ offset: 6 })}\n`).problems).toEqual([problem]);
});

test("letters that were sent back before are counted and not sent again, whatever their lines say now", () => {
  const { send, before, problems } = plan(
    `${line({ offset: 5 })}\n${line({ offset: 6, value: "{" })}\n${line()}`,
    5,
    6,
  );
  expect(send.map(({ place }) => place.offset)).toEqual([7]);
  expect([before, problems]).toEqual([2, []]);
});

test("batches keep the order, hold one topic each, and stay below what a broker takes", () => {
  const sending = (topic: string, offset: number, length: number) => ({
    place: { topic, partition: 0, offset },
    key: "u",
    value: "x".repeat(length),
  });
  const sizes = [200_000, 100_000, 100_000, 900_000, 1, 1];
  const send = sizes.map((length, offset) => sending(offset < 5 ? "a" : "b", offset, length));
  expect(batchesOf(send).map((batch) => batch.map(({ place }) => place.offset))).toEqual([[0, 1], [2], [3], [4], [5]]);
  expect(batchesOf([])).toEqual([]);
});

test("list filters by reason and partition, leaves out what was sent back, and says how many", () => {
  const letters = [letter(), letter({ reason: "EMPTY" }), letter({ partition: 1 }), letter({ sentBackAt: at })];
  const taken = (filter: object) => {
    const tally = tallyOf({ all: false, ...filter });
    return [letters.filter((each) => tally.takes(each)).length, tally.leftOut, Object.fromEntries(tally.reasons)];
  };
  expect(taken({})).toEqual([3, 1, { NOT_JSON: 2, EMPTY: 1 }]);
  expect(taken({ all: true })).toEqual([4, 0, { NOT_JSON: 3, EMPTY: 1 }]);
  expect(taken({ reason: "EMPTY" })).toEqual([1, 0, { EMPTY: 1 }]);
  expect(taken({ partition: 1 })).toEqual([1, 0, { NOT_JSON: 1 }]);
});

test("of many letters the newest are kept, the newest last, in whatever order they come", () => {
  const newest = newestOf(3);
  for (let k = 0; k < 100; k++) newest.add(letter({ timestamp: at + ((k * 37) % 100), offset: k }));
  expect(newest.letters.map(({ timestamp }) => timestamp - at)).toEqual([97, 98, 99]);
});

test("the table for people: one line a letter, nothing that could steer a terminal, and a count for each reason", () => {
  const letters = [
    letter({ value: Buffer.from(`{"user":"\u001b[31m${"x".repeat(100)}`) }),
    letter({ offset: 12, value: null, reason: "EMPTY", sentBackAt: at + 60_000 }),
    letter({ partition: 3, value: Buffer.from([0x7b, 0xff]), reason: "NOT_UTF8", timestamp: 1e300 }),
  ];
  const tally = tallyOf({ all: true });
  for (const each of [letters[0]!, ...letters]) tally.takes(each);
  expect(listingText(letters, tally)).toBe(
    [
      "time                      topic/partition/offset  reason    value",
      `2024-05-01T12:00:00.000Z  clicks/0/7              NOT_JSON  {"user":"\\u{1b}[31m${"x".repeat(41)}…`,
      "2024-05-01T12:00:00.000Z  clicks/0/12             EMPTY      (sent back 2024-05-01T12:01:00.000Z)",
      "1e+300                    clicks/3/7              NOT_UTF8  {\\xff",
      "",
      "NOT_JSON  2  the value is no JSON",
      "EMPTY     1  the message has no value",
      "NOT_UTF8  1  the value is no UTF-8",
      "the newest 3 of 4 (--limit N shows more)",
      "",
    ].join("\n"),
  );
  const hidden = tallyOf({ all: false });
  hidden.takes(letters[1]!);
  expect(listingText([], hidden)).toBe("no dead letters\n1 letter sent back is left out (--all shows them)\n");
});

const folder = mkdtempSync(join(tmpdir(), "tributary-letters-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("what was sent back is known to the next process, record upon record", async () => {
  const place = (offset: number) => ({ topic: "a/b", partition: 3, offset });
  const first = await openSentBack(folder);
  expect(first.times.size).toBe(0);
  await first.record([place(1), place(2 ** 40)], at);
  await first.record([place(2)], at + 1);
  expect([...(await openSentBack(folder)).times].sort()).toEqual([
    ["a/b/3/1", at],
    [`a/b/3/${2 ** 40}`, at],
    ["a/b/3/2", at + 1],
  ]);
});
