// The folder of what XLA compiled: what is told to TensorFlow, what goes when it grows, what stops nobody.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { keepCompiled } from "../../shared/compute/graph/kept.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-kept-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A field of so many bytes. */
const entry = (bytes: number) =>
  Buffer.concat([Buffer.from([0x12, 0x80 | (bytes & 0x7f), bytes >> 7]), Buffer.alloc(bytes)]);

/** A cache of these files, each so many hours old. */
function cache(name: string, files: Readonly<Record<string, readonly [Buffer, number]>>) {
  const home = join(root, name);
  const xla = join(home, "tributary", "xla");
  for (const [file, [bytes, hours]] of Object.entries(files)) {
    const path = join(xla, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, bytes);
    const at = Date.now() / 1000 - 3600 * hours;
    utimesSync(path, at, at);
  }
  const said: string[] = [];
  const env: NodeJS.ProcessEnv = { XDG_CACHE_HOME: home };
  return {
    env,
    said,
    keep: (bounds?: Parameters<typeof keepCompiled>[3]) => keepCompiled(env, "new", (line) => said.push(line), bounds),
    left: () =>
      readdirSync(xla, { recursive: true })
        .map(String)
        .filter((name) => name.includes("x"))
        .sort(),
    folder: join(xla, "new"),
  };
}

test("is told to TensorFlow, but where the user has told it flags of his own", () => {
  const { env, said, keep, folder } = cache("plain", {});
  expect(keep()).toBe(folder);
  expect(env.TF_XLA_FLAGS).toBe(`--tf_xla_persistent_cache_directory=${folder}`);
  const own = { TF_XLA_FLAGS: "--tf_xla_auto_jit=2", XDG_CACHE_HOME: root };
  expect(keepCompiled(own, "new", (line) => said.push(line))).toBeUndefined();
  expect(own.TF_XLA_FLAGS).toBe("--tf_xla_auto_jit=2");
  expect(said).toEqual([]);
});

test("does not grow beyond its bound: the oldest entries go, those of older libraries with them", () => {
  const { keep, left } = cache("grown", {
    "old/x1.pb": [entry(400), 50],
    "old/x2.pb": [entry(400), 3],
    "new/x3.pb": [entry(400), 40],
    "new/x4.pb": [entry(400), 2],
    "new/x5.pb": [entry(400), 1],
  });
  keep({ most: 1250, free: 0 });
  expect(left()).toEqual(["new/x4.pb", "new/x5.pb", "old/x2.pb"]);
});

test("what was cut short, is empty or holds zeros is taken out; what another is writing stays", () => {
  const { keep, left } = cache("cut", {
    "new/x-whole.pb": [entry(9000), 5],
    "new/x-short.pb": [entry(9000).subarray(0, 8000), 5],
    "new/x-empty.pb": [Buffer.alloc(0), 5],
    "new/x-zeros.pb": [Buffer.alloc(9003), 5],
    "new/x-left.pb.tmp": [Buffer.alloc(0), 5],
    "new/x-written.pb.tmp": [Buffer.alloc(10), 0],
  });
  keep();
  expect(left()).toEqual(["new/x-whole.pb", "new/x-written.pb.tmp"]);
});

test("a disk without room is said; what is there is read, and nothing is written", () => {
  const bounds = { most: 1e9, free: Number.MAX_SAFE_INTEGER };
  const empty = cache("full", {});
  expect(empty.keep(bounds)).toBeUndefined();
  expect(empty.said).toEqual([
    expect.stringMatching(/^what XLA compiles is not kept in .*: its disk has \d+ MiB left, /),
  ]);
  expect(empty.env.TF_XLA_FLAGS).toBeUndefined();
  const used = cache("full, used", { "new/x.pb": [entry(100), 1] });
  expect(used.keep(bounds)).toBe(used.folder);
  expect(used.env.TF_XLA_FLAGS).toMatch(/ --tf_xla_persistent_cache_read_only=true$/);
});

test("a folder that cannot be made is said, and stops nobody", () => {
  const home = join(root, "file");
  writeFileSync(home, "");
  const said: string[] = [];
  expect(keepCompiled({ XDG_CACHE_HOME: home }, "new", (line) => said.push(line))).toBeUndefined();
  expect(said).toEqual([
    expect.stringMatching(/^what XLA compiles is not kept in .*: ENOTDIR: .*; each start compiles/),
  ]);
});
