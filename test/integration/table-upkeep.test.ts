// Upkeep by real processes: compactions beside a writer and beside each other, vacuum, erasure; verify, delta-rs and
// DuckDB see the same rows before and after.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openExistingEvents } from "../../shared/table/events.ts";
import { entryPath } from "../../shared/table/log.ts";
import { checkpointPath } from "../../shared/table/log-checkpoint.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const writerProgram = fileURLToPath(new URL("./table-writer.ts", import.meta.url));

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-upkeep-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(...args: string[]) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = [child.stdout, child.stderr].map((stream) => {
    const chunks: string[] = [];
    stream.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
    return chunks;
  });
  const [code] = await once(child, "close");
  return { code, stdout: out!.join(""), stderr: err!.join("") };
}

/** Appends up to offset `last` of a partition, `stride` rows a commit. */
const writer = (partition: number, last: number, stride: number) =>
  run("--import", "tsx", writerProgram, dir, ...[partition, last, stride].map(String));

const cli = (command: string, ...flags: string[]) =>
  run(join(root, "infra/tributary.mjs"), command, "--table", dir, "--json", ...flags);

/** Runs a command that must succeed; what it prints. */
async function tributary(command: string, ...flags: string[]) {
  const dead = command === "compact" ? [] : ["--dead-letters", join(dir, "dead")];
  const { code, stdout, stderr } = await cli(command, ...dead, ...flags);
  expect([code, command, code === 0 ? "" : stdout + stderr]).toEqual([0, command, ""]);
  return JSON.parse(stdout);
}

/** What delta-rs and DuckDB read of all rows, once each. A script that throws fails the test. */
function independently(events = join(dir, "events")): Record<"rows" | "places" | "first" | "last" | "sum", number>[] {
  const python = process.env.TRIBUTARY_TEST_PYTHON;
  if (!python) throw new Error("TRIBUTARY_TEST_PYTHON names no Python with deltalake and duckdb; `npm test` sets it");
  const script = `
import json, os, sys, duckdb
from deltalake import DeltaTable
table = DeltaTable(${JSON.stringify(events)})
everything = table.to_pyarrow_table()
files = table.file_uris()
def facts(source):
    return dict(zip(["rows", "places", "first", "last", "sum"], duckdb.sql(f"""
        select count(*), count(distinct (kafka_partition, kafka_offset)), min(kafka_offset), max(kafka_offset),
        sum(hash("user", item, epoch_us(timestamp), value, bucket, kafka_partition,
    kafka_offset))::varchar from {source}""").fetchall()[0]))
print(json.dumps([facts("everything"), facts(f"read_parquet({files})")]))
sys.stdout.flush()
os._exit(0)`;
  return JSON.parse(execFileSync(python, ["-c", script], { encoding: "utf8", stdio: "pipe" }));
}

const parquetFiles = (folder = join(dir, "events")) => readdirSync(folder).filter((name) => name.endsWith(".parquet"));

test("compactions beside a writer and beside each other lose and double nothing", async () => {
  expect((await writer(0, 199, 10)).code).toBe(0);
  const appending = writer(0, 999, 20);
  const [first, second] = await Promise.all([tributary("compact"), tributary("compact")]);
  expect(first.units + second.units).toBeGreaterThanOrEqual(1);
  expect((await appending).stderr).toBe("");
  await tributary("compact");
  const table = await openExistingEvents(dir);
  expect(table.files.length).toBeLessThan(16);
  expect(await tributary("verify")).toMatchObject({ ok: true, rows: 1000, problems: [] });
}, 60_000);

test("delta-rs and DuckDB read the same rows before and after compaction, and after a vacuum of everything else", async () => {
  await writer(0, 399, 20);
  await writer(1, 199, 20);
  const before = independently();
  expect(before[0]).toEqual(before[1]);
  expect(before[0]).toMatchObject({ rows: 600, places: 600, first: 0, last: 399 });
  expect(await tributary("compact")).toMatchObject({ units: 1, filesBefore: 30, filesAfter: 1, rows: 600 });
  expect(independently()).toEqual(before);
  const told = await tributary("vacuum", "--retention", "0h", "--dry-run");
  expect(parquetFiles()).toHaveLength(31);
  expect(await tributary("vacuum", "--retention", "0h")).toEqual(told);
  expect(parquetFiles()).toHaveLength(1);
  expect(existsSync(join(dir, "events", entryPath(0)))).toBe(false);
  expect(independently()).toEqual(before);
  expect(await tributary("verify")).toMatchObject({ ok: true, rows: 600 });
  expect((await writer(1, 299, 50)).code).toBe(0);
  expect(independently()[0]).toMatchObject({ rows: 700 });
}, 60_000);

test("delta-rs opens the table from our checkpoint, without the entries that it stands for", async () => {
  await writer(0, 399, 20);
  await tributary("compact");
  const whole = independently();
  const copy = join(dir, "copy");
  cpSync(join(dir, "events"), copy, { recursive: true });
  const { version } = await openExistingEvents(dir);
  const checkpoint = Math.floor(version / 10) * 10;
  expect(existsSync(join(copy, checkpointPath(checkpoint)))).toBe(true);
  for (let v = 0; v <= checkpoint; v++) if (v !== checkpoint) rmSync(join(copy, entryPath(v)));
  expect(independently(copy)).toEqual(whole);
  rmSync(join(copy, checkpointPath(checkpoint)));
  rmSync(join(copy, checkpointPath(checkpoint - 10)), { force: true });
  expect(() => independently(copy)).toThrow(); // or it was not the checkpoint that it read
}, 60_000);

test("forget: no reader finds the user any more, verify accounts for every offset, and a vacuum deletes the bytes and the name", async () => {
  await writer(0, 399, 20);
  await tributary("compact");
  await writer(0, 499, 20);
  const log = join(dir, "events", "_delta_log");
  const entriesThatName = (user: string) =>
    readdirSync(log).filter((name) => name.endsWith(".json") && readFileSync(join(log, name), "utf8").includes(user));
  expect(entriesThatName("u99").length).toBeGreaterThan(0); // statistics of the files: the greatest user
  expect(await tributary("forget", "--user", "u99")).toMatchObject({ rows: 5, files: 2, letters: 0 });
  expect(independently()).toMatchObject(Array(2).fill({ rows: 495, places: 495, first: 0, last: 498 }));
  const { ok, partitions } = await tributary("verify");
  expect([ok, partitions]).toMatchObject([true, [{ rows: 495, filtered: 5, read: 500, last: 499 }]]);
  await tributary("vacuum", "--retention", "0h");
  expect(entriesThatName("u99")).toEqual([]);
  expect(parquetFiles()).toHaveLength((await openExistingEvents(dir)).files.length);
  expect(independently()[0]).toMatchObject({ rows: 495 });
  expect(await tributary("verify")).toMatchObject({ ok: true, rows: 495 });

  const again = await cli("forget", "--user", "u99", "--dead-letters", join(dir, "dead"));
  expect([again.code, again.stdout]).toEqual([2, ""]);
  expect(again.stderr).toContain("USER_UNKNOWN");
}, 60_000);

test("a retention that cannot be kept, and a table that is not there, are told", async () => {
  const long = await cli("vacuum", "--retention", "90d");
  expect([long.code, long.stderr]).toEqual([
    2,
    expect.stringContaining('--retention "90d": give a time of at most 720h, such as 168h'),
  ]);
  for (const command of ["compact", "vacuum"]) expect((await cli(command)).stderr).toContain("TABLE_MISSING");
  expect((await cli("forget", "--user", "u")).stderr).toContain("TABLE_MISSING");
}, 30_000);
