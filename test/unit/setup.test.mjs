// The set-up's deciding parts: what is told, what counts, what is read from other programs.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { majorOf } from "../../infra/kafka/fetch.mjs";
import { separate } from "../../infra/setup/child.mjs";
import { causeOf } from "../../infra/setup/execute.mjs";
import { checkNode } from "../../infra/setup/packages.mjs";
import { lineOf } from "../../infra/setup/steps.mjs";
import { tally } from "../../infra/setup/tally.mjs";

const passed = { status: "passed", assertionResults: [{ status: "passed" }] };

test.each(["20.19.0", "20.20.2", "22.0.0", "24.1.0"])("Node %s is new enough", (version) => {
  expect(() => checkNode(version)).not.toThrow();
});

test.each(["18.20.0", "20.18.3"])("Node %s is told to be too old, with the version that is needed", (version) => {
  expect(() => checkNode(version)).toThrow(/needs Node 20\.19/);
});

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_292"', 8],
  ['openjdk version "21" 2023-09-19', 21],
  ["", undefined],
])("the Java of %j is %s", (text, major) => {
  expect(majorOf(text)).toBe(major);
});

test("the last line of the tests counts what passed, failed and was skipped", () => {
  const report = { numPassedTests: 12, numFailedTests: 2, numPendingTests: 1, testResults: [passed] };
  expect(tally(report, 1)).toEqual({ line: "12 passed, 2 failed, 1 skipped", failed: 2 });
  expect(tally({ numPassedTests: 12, numFailedTests: 0, testResults: [passed] }, 0).line).toBe("12 passed, 0 failed");
});

test("a test file that cannot be loaded counts as failed", () => {
  const report = {
    numPassedTests: 3,
    numFailedTests: 0,
    testResults: [passed, { status: "failed", assertionResults: [] }],
  };
  expect(tally(report, 1)).toEqual({ line: "3 passed, 1 failed", failed: 1 });
});

test("a run that ends badly without a failed test, or without a report, never counts as good", () => {
  expect(tally({ numPassedTests: 3, numFailedTests: 0, testResults: [passed] }, 1).line).toBe("3 passed, 1 failed");
  expect(tally(undefined, 1)).toEqual({ line: "0 passed, 1 failed", failed: 1 });
});

test("a step shows its time, or only its note when it took no time", () => {
  expect(lineOf("npm packages", 12_345, {})).toBe("✓ npm packages         12.3 s\n");
  expect(lineOf("npm packages", 3, { note: "already there" })).toBe("✓ npm packages         already there\n");
  expect(lineOf("TensorFlow engine", 1_300, { note: "wasm instead", mark: "!" })).toBe(
    "! TensorFlow engine    1.3 s, wasm instead\n",
  );
});

test("one Ctrl-C that arrives twice is handed on once, and a second press is handed on", () => {
  const isNew = separate(500);
  expect([1_000, 1_004, 1_400, 2_100].map(isNew)).toEqual([true, false, false, true]);
});

test("of a failed program's output the lines about the error are told, without warnings", () => {
  expect(causeOf("npm warn old error\ncompiling\nfatal error: x.h: No such file\nmake: *** [x.o] Error 1\n")).toEqual([
    "fatal error: x.h: No such file",
    "make: *** [x.o] Error 1",
  ]);
  expect(causeOf("one\ntwo\n")).toEqual(["one", "two"]);
});

test("the lock file names every optional package, for all platforms, so that `npm ci` accepts it on each", () => {
  const { packages } = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
  const names = new Set(Object.keys(packages).map((path) => path.split("node_modules/").at(-1)));
  const missing = Object.values(packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}).filter((name) => !names.has(name)),
  );
  expect(missing).toEqual([]);
});
