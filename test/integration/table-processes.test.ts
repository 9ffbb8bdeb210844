// Real processes on one table: several writers at once, writers killed at every operation, a disk that refuses;
// `verify` judges what is left.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { openDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { openExistingEvents, writeEvents } from "../../shared/table/events.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("./table-writer.ts", import.meta.url));

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-table-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(command: string, args: string[]) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = [child.stdout, child.stderr].map((stream) => {
    const chunks: string[] = [];
    stream.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
    return chunks;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, stdout: out!.join(""), stderr: err!.join("") };
}

const writerArgs = (...numbers: number[]) => ["--import", "tsx", program, dir, ...numbers.map(String)];
const writer = (...numbers: number[]) => run(process.execPath, writerArgs(...numbers));

async function verify() {
  const { code, stdout, stderr } = await run(process.execPath, [
    join(root, "infra/tributary.mjs"),
    "verify",
    "--json",
    "--table",
    dir,
    "--dead-letters",
    join(dir, "dead"),
  ]);
  return { code, stderr, report: code === 2 ? undefined : JSON.parse(stdout) };
}

test("processes that write one partition and another at the same time commit every offset once", async () => {
  const ended = await Promise.all([writer(0, 199, 5), writer(0, 199, 7), writer(1, 199, 9)]);
  expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, ""]));
  const { code, report } = await verify();
  expect(report).toMatchObject({ ok: true, rows: 400, problems: [] });
  expect(report.partitions.map(({ first, last, rows }: Record<string, number>) => [first, last, rows])).toEqual(
    Array(2).fill([0, 199, 200]),
  );
  expect(code).toBe(0);
}, 60_000);

test("a writer killed before any of its operations leaves a table that is read and goes on, every offset once", async () => {
  // A file and its commit are a dozen operations of the disk; test/unit/crashes.test.ts tries them all, without
  // processes.
  for (let dieAt = 1; dieAt < 31; dieAt += 3) {
    const { signal } = await writer(0, 1_000_000, 10, dieAt);
    expect(signal).toBe("SIGKILL");
  }
  const table = await openExistingEvents(dir);
  const parquet = readdirSync(join(dir, "events")).filter((name) => name.endsWith(".parquet"));
  const orphans = parquet.length - table.files.length;
  expect(orphans).toBeGreaterThan(0); // some died between the file and its commit
  expect((await writer(0, table.offsets.get("interactions/0")! + 10, 10)).code).toBe(0);
  const { report } = await verify();
  expect(report).toMatchObject({ ok: true, rows: table.rows + 10 });
}, 120_000);

test("a disk that refuses a file leaves nothing half-written and no temporary file, and the table goes on", async () => {
  expect((await writer(0, 9, 10)).code).toBe(0);
  // A limit of 512 bytes a file, which the log entry fits into no better than the Parquet file; SIGXFSZ ignored, so
  // that write fails with EFBIG.
  const refused = await run("bash", [
    "-c",
    `trap '' XFSZ; ulimit -f 1; exec "$@"`,
    "bash",
    process.execPath,
    ...writerArgs(0, 99_999, 50_000),
  ]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("EFBIG");
  const names = [...readdirSync(join(dir, "events")), ...readdirSync(join(dir, "events", "_delta_log"))];
  expect(names.filter((name) => name.startsWith("."))).toEqual([]);
  expect(names.filter((name) => name.endsWith(".parquet"))).toHaveLength(1);
  expect((await writer(0, 19, 10)).code).toBe(0);
  expect((await verify()).report).toMatchObject({ ok: true, rows: 20 });
}, 60_000);

test("verify: a hole is a problem, until a dead letter explains it", async () => {
  await writer(0, 9, 10);
  const table = await openExistingEvents(dir);
  await table.commit({ add: [], txn: [{ appId: "interactions/0", version: 11 }] });
  const before = await verify();
  expect(before.code).toBe(1);
  expect(before.report).toMatchObject({
    ok: false,
    problems: ["partition 0: 2 offsets are missing, the first at 10 to 11"],
  });
  const dead = await openDeadLetters(join(dir, "dead"));
  const letter = (offset: number) =>
    ({ value: null, topic: "interactions", partition: 0, offset, timestamp: 1, reason: "EMPTY", detail: "" }) as const;
  await dead.commit({ add: [await writeDeadLetters(dead.store, [10, 11, 12].map(letter))], txn: [] });
  const after = await verify();
  expect(after.report).toMatchObject({
    ok: true,
    partitions: [{ rows: 10, dead: 2, missing: 0, duplicated: 0, last: 11 }],
  });
  expect(after.code).toBe(0);
}, 60_000);

test("verify: rows that stand twice, a damaged file and rows that the log knows nothing of are told, each by name", async () => {
  await writer(0, 29, 10);
  const table = await openExistingEvents(dir);
  const [first, second] = table.files;
  const copy = { ...first!, path: "copy.parquet" };
  await table.store.put(copy.path, await table.store.read(first!.path));
  const stray = await writeEvents(
    table.store,
    batchOf([{ user: "u", item: "i", timestamp: 1, value: null, partition: 5, offset: 40 }]),
  );
  await table.commit({ add: [copy, stray], txn: [] });
  const damaged = readFileSync(join(dir, "events", second!.path));
  damaged[200]! ^= 0xff;
  writeFileSync(join(dir, "events", second!.path), damaged.subarray(0, -1));
  const { code, report } = await verify();
  expect(code).toBe(1);
  expect(report.problems).toHaveLength(4);
  expect(report.problems[0]).toContain(second!.path);
  expect(report.problems[1]).toBe("partition 0: 10 offsets stand twice");
  expect(report.problems[2]).toBe("partition 0: 10 offsets are missing, the first at 10 to 19");
  expect(report.problems[3]).toBe("partition 5: has rows, but the log has no txn of it");
}, 60_000);

test("verify: no table says so and exits 2", async () => {
  const { code, stderr } = await verify();
  expect(code).toBe(2);
  expect(stderr).toContain("TABLE_MISSING");
}, 30_000);
