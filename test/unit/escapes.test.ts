// Words of strangers at the terminal: what would move the cursor, ring, forge a row or turn a line around is escaped.
import { expect, test } from "vitest";
import { tableOf } from "../../services/commands/recommend/listing.ts";
import { flowOf } from "../../shared/health/facts/flow.ts";
import { aligned, columns } from "../../shared/health/views/columns.ts";
import { progressLine } from "../../shared/runtime/terminal.ts";

const evil = [
  "\x1b]0;PWNED\x07\x1b[31mred",
  "a\nINJECTED: row",
  "\r\x1b[2K   1   99.999  fake",
  "\u202egnp.exe",
  "\u009b31m",
  "zero\u200bwidth",
];
const raw = /[\p{Cc}\p{Cf}]/u;

test("terminal-escapes: a table of recommendations has one line for each item, whatever ids and titles hold", () => {
  const text = tableOf(evil.map((item) => ({ item, score: 1, title: item })));
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(evil.length + 1);
  for (const line of lines) expect(line).not.toMatch(raw);
  expect(text).toContain("a\\nINJECTED: row");
  expect(text).toContain("\\u{1b}]0;PWNED\\u{7}");
  expect(tableOf([{ item: "Léon 東京 🎬", score: 1 }])).toContain("Léon 東京 🎬");
});

test("terminal-escapes: so has a line of progress, on a terminal or off it", () => {
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    const line = progressLine({
      isTTY,
      columns: 200,
      write: (text: string) => written.push(text),
    } as unknown as NodeJS.WriteStream);
    line.show(evil.join(" "));
    line.tell(evil.join(" "));
    expect(written.join("").replaceAll("\r\x1b[K", "").replaceAll("\n", "")).not.toMatch(raw);
  }
});

test("terminal-escapes: names and reasons that services tell of are shown escaped", () => {
  const trainers = evil.map((name, k) => ({ id: `t${k}`, name, state: "computing" }));
  const answer = {
    service: "server",
    pid: 1,
    url: "http://x",
    startedAt: 0,
    status: { state: "training", trainers },
    answeredAt: 0,
  };
  const names = flowOf([answer], 1).server!.status!.trainers.map(({ name }) => name);
  expect(names).toHaveLength(evil.length);
  for (const name of names) expect(name).not.toMatch(raw);
});

test("terminal-escapes: a table has one line for each row, whatever a manifest, a log or a name holds", () => {
  const rows = evil.map((text) => [text, "1"]);
  for (const lines of [
    columns(["name", "n"], rows),
    aligned([["name", "n"], ...rows])
      .trimEnd()
      .split("\n"),
  ]) {
    expect(lines).toHaveLength(evil.length + 1);
    for (const line of lines) expect(line).not.toMatch(raw);
  }
});
