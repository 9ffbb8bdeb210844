// Logs of `up` stay short, whoever writes to them.
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { shortenLogs } from "../../services/commands/up/logs.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-logs-"));
afterAll(() => rmSync(folder, { recursive: true }));
const log = join(folder, "ingest.log");

test("a log that has grown begins anew, what it held lies beside it, and its writer goes on at its end", () => {
  const writer = openSync(log, "a");
  writeSync(writer, "old line\n".repeat(20));
  shortenLogs([join(folder, "none"), folder], 100);
  writeSync(writer, "new line\n");
  closeSync(writer);
  expect(readFileSync(log, "utf8")).toBe("new line\n");
  expect(readFileSync(`${log}.1`, "utf8")).toBe("old line\n".repeat(20));
  appendFileSync(log, "x".repeat(200));
  shortenLogs([folder], 100);
  expect([statSync(log).size, statSync(`${log}.1`).size]).toEqual([0, 209]);
});

test("short logs and other files are left alone", () => {
  writeFileSync(join(folder, "server.log"), "x".repeat(100));
  writeFileSync(join(folder, "meta.properties"), "x".repeat(500));
  shortenLogs([folder], 100);
  expect(statSync(join(folder, "server.log")).size).toBe(100);
  expect(statSync(join(folder, "meta.properties")).size).toBe(500);
  expect(existsSync(join(folder, "server.log.1"))).toBe(false);
});
