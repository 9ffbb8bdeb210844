// Copies of what lies in an object store: whole or not at all, made once, the newest few kept.
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copied, fetchInto, folderHere } from "../../shared/storage/copies.ts";
import { memoryStore } from "./memory-store.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tributary-copies-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a folder of this machine is itself", async () => {
  expect(await folderHere("some/folder")).toBe("some/folder");
});

test("what lies in a store is fetched once, by however many ask", async () => {
  const store = memoryStore(undefined, new Map([["a/x.csv", new TextEncoder().encode("1,2")]]));
  let filled = 0;
  const fill = async (draft: string) => {
    filled++;
    await fetchInto(draft, store, "a", ["x.csv"]);
  };
  const [one, other] = await Promise.all([copied(root, "a", fill), copied(root, "a", fill)]);
  expect(one).toBe(other);
  expect(readFileSync(join(one, "x.csv"), "utf8")).toBe("1,2");
  const before = filled;
  await copied(root, "a", fill);
  expect(filled).toBe(before);
  expect(readdirSync(root)).toEqual(["a"]);
});

test("what cannot be fetched whole leaves nothing", async () => {
  const store = memoryStore(undefined, new Map([["a/x.csv", new Uint8Array(3)]]));
  await expect(copied(root, "a", (draft) => fetchInto(draft, store, "a", ["x.csv", "y.csv"]))).rejects.toMatchObject({
    code: "FILE_MISSING",
  });
  expect(readdirSync(root)).toEqual([]);
});

test("of many copies the six that were used last stay", async () => {
  const fill = async (draft: string) => writeFileSync(join(draft, "x"), "");
  for (let k = 0; k < 8; k++) {
    await copied(root, `c${k}`, fill);
    utimesSync(join(root, `c${k}`), 1000 + k, 1000 + k);
    if (k === 6) await copied(root, "c1", fill); // used again
  }
  expect(readdirSync(root).sort()).toEqual(["c1", "c3", "c4", "c5", "c6", "c7"]);
});
