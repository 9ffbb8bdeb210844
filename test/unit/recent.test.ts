// Problems that were seen: a stable code, how often each came, since when and until when, and no more than are worth
// reading.
import { expect, test } from "vitest";
import { boxes, boxOf, serviceOf } from "../../shared/health/rules/problem.ts";
import { type Finding, findingOf, type Recent, recall } from "../../shared/health/views/recent.ts";

const problem = (word: string): Finding => ({
  code: `INGEST_${word.toUpperCase().replaceAll(" ", "_")}`,
  service: "ingest",
  level: "red",
  reason: `it is ${word}`,
  hint: "do",
});

test("a problem that lasts is one, one that comes again is counted again, and one that is over stays", () => {
  const stalled = findingOf({ code: "INGEST_STALLED", level: "red", numbers: { by: "kafka", why: null, messages: 3 } });
  const noCommit = findingOf({ code: "INGEST_NO_COMMIT", level: "red", numbers: { seconds: 70, messages: 3 } });
  const looks: Finding[][] = [[stalled], [stalled], [], [stalled, noCommit], []];
  const seen = looks.reduce<Recent[]>((before, problems, k) => recall(before, problems, 1000 * k), []);
  expect(seen).toMatchObject([
    { code: "INGEST_STALLED", service: "ingest", count: 2, firstAt: 0, lastAt: 3000, isOpen: false },
    { code: "INGEST_NO_COMMIT", service: "ingest", count: 1, firstAt: 3000, lastAt: 3000, isOpen: false },
  ]);
});

test("its sentence is the newest one, its code does not change with it", () => {
  const first = recall([], [problem("behind")], 0);
  const [then] = recall(first, [{ ...problem("behind"), reason: "another figure" }], 1000);
  expect(then).toMatchObject({ code: "INGEST_BEHIND", reason: "another figure", count: 1 });
});

test("of more than fifty, those seen least lately are forgotten", () => {
  const words = Array.from({ length: 60 }, (_, k) => `w${k}`);
  const seen = words.reduce<Recent[]>((before, word, k) => recall(before, [problem(word)], k), []);
  expect(seen).toHaveLength(50);
  expect(seen.map(({ code }) => code)).toContain("INGEST_W59");
  expect(seen.map(({ code }) => code)).not.toContain("INGEST_W9");
});

test("every box says whose trouble it shows, and every code of a problem begins with it", () => {
  expect(boxes.map((box) => `${serviceOf[box]}_no_commit`.toUpperCase())).toContain("TRAINER_NO_COMMIT");
  for (const [code, box] of Object.entries(boxOf))
    expect(code).toMatch(new RegExp(`^${serviceOf[box].toUpperCase()}_[A-Z_]+$`));
});
