// The stores, by one suite; and a bucket whose server refuses, loses answers, comes late, or keeps no conditions.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { Bucket } from "../../shared/storage/s3/bucket.ts";
import { kindOf } from "../../shared/storage/s3/refusals.ts";
import { s3Store } from "../../shared/storage/s3/store.ts";
import { folderStore, type SwappingStore } from "../../shared/storage/store.ts";
import { type Fault, type MemoryBucket, memoryBucket } from "./memory-bucket.ts";
import { memoryStore } from "./memory-store.ts";
import { conforms, swaps } from "./store-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const counts = { requests: 0, again: 0 };
/** Time passes only in waits. */
function still() {
  let now = 0;
  return {
    now: () => now,
    wait: async (ms: number) => {
      now += ms;
    },
    random: () => 1,
  };
}
const storeOf = (bucket: Bucket): SwappingStore =>
  s3Store({ name: "s3://bucket/table", prefix: "table" }, bucket, counts, still());
const bytesOf = (text: string) => new TextEncoder().encode(text);

const memories = new Map<string, Map<string, Uint8Array>>();
const buckets = new Map<string, MemoryBucket>();
function kept<T>(all: Map<string, T>, name: string, make: () => T): T {
  const found = all.get(name) ?? make();
  all.set(name, found);
  return found;
}

conforms("a folder", (name) => folderStore(join(folder, name)));
conforms("memory", (name) =>
  memoryStore(
    undefined,
    kept(memories, name, () => new Map()),
  ),
);
conforms("a bucket", (name) => storeOf(kept(buckets, name, () => memoryBucket())));
swaps("memory", (name) =>
  memoryStore(
    undefined,
    kept(memories, name, () => new Map()),
  ),
);
swaps("a bucket", (name) => storeOf(kept(buckets, name, () => memoryBucket())));

test("whatever is refused, lost or late, at most one is told that it put a name", async () => {
  const fault = fc.constantFrom<Fault>("none", "none", "refused", "answer lost", "late");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.scheduler(),
      async (faults, writers, scheduler) => {
        const bucket = memoryBucket(
          (request) => (request === "remove" ? "none" : (faults.pop() ?? "none")),
          () => scheduler.schedule(Promise.resolve()),
        );
        const stores = Array.from({ length: writers }, () => storeOf(bucket));
        const work = Promise.all(
          stores.map((store, k) => store.putIfAbsent("0.json", bytesOf(`${k}`)).catch((error: Error) => error)),
        );
        const got = await scheduler.waitFor(work);
        const won = got.flatMap((each, k) => (each === true ? [k] : []));
        const holder = bucket.objects.get("table/0.json");
        expect(won.length).toBeLessThanOrEqual(1);
        for (const k of won) expect(Buffer.from(holder!.bytes).toString()).toBe(`${k}`);
        // nobody is told in vain that another has it
        if (got.some((each) => each === false)) expect(holder).toBeDefined();
        if (got.every((each) => typeof each === "boolean")) expect(won).toHaveLength(1);
        for (const each of got) if (each instanceof Error) expect(each).toMatchObject({ code: "STORE_AWAY" });
      },
    ),
    { numRuns: 300 },
  );
});

test("a server that is away is asked six times at most, further and further apart, which is counted", async () => {
  const before = { ...counts };
  const waits: number[] = [];
  const world = { now: () => 0, random: () => 1, wait: async (ms: number) => void waits.push(ms) };
  const store = s3Store(
    { name: "s3://b/t", prefix: "t" },
    memoryBucket(() => "refused"),
    counts,
    world,
  );
  await expect(store.read("x")).rejects.toThrow(
    /^STORE_AWAY: .* does not answer as it should, reading s3:\/\/b\/t\/x: answer 503 SlowDown \(6 tries\)/,
  );
  expect(waits).toEqual([200, 400, 800, 1600, 3200]);
  expect(counts.requests - before.requests).toBe(6);
  expect(counts.again - before.again).toBe(5);
});

test("a server that is slow to refuse is not waited for much longer than fifteen seconds", async () => {
  let now = 0;
  const get = async (): Promise<never> => {
    now += 10_000;
    throw new Error("no answer");
  };
  const slow = { ...memoryBucket(), get };
  const world = { now: () => now, random: () => 0, wait: async () => undefined };
  const store = s3Store({ name: "s3://b/t", prefix: "t" }, slow, counts, world);
  await expect(store.read("x")).rejects.toMatchObject({ code: "STORE_AWAY" });
  expect(now).toBe(20_000);
});

test("expired credentials are read anew, once", async () => {
  let renewed = 0;
  let asked = 0;
  const expired = Object.assign(new Error("expired"), { name: "ExpiredToken", $metadata: { httpStatusCode: 400 } });
  const bucket = {
    ...memoryBucket(),
    renew: () => void renewed++,
    get: async () => {
      asked++;
      if (renewed < 2) throw expired;
      return { bytes: bytesOf("fine"), tag: "1" };
    },
  };
  await expect(storeOf(bucket).read("x")).rejects.toMatchObject({ code: "STORE_LOGIN_EXPIRED" });
  expect([renewed, asked]).toEqual([2, 2]); // each refusal drops the old ones, and two tries are all
  expect(Buffer.from(await storeOf(bucket).read("x")).toString()).toBe("fine");
});

test.each<[string, (bucket: MemoryBucket) => Partial<Bucket>, RegExp]>([
  ["ignores If-None-Match", (bucket) => ({ put: (key, bytes) => bucket.put(key, bytes, {}) }), /ignores If-None-Match/],
  [
    "shows later what was written",
    () => ({ get: () => Promise.reject(Object.assign(new Error(""), { name: "NoSuchKey" })) }),
    /does not show at once/,
  ],
])("a server that %s is refused before anything is written", async (_, faulty, message) => {
  const bucket = memoryBucket();
  const store = storeOf({ ...bucket, ...faulty(bucket) });
  await expect(store.putIfAbsent("0.json", bytesOf("x"))).rejects.toThrow(message);
  await expect(store.mustBeFit()).rejects.toMatchObject({ code: "STORE_UNFIT" });
  expect([...bucket.objects.keys()]).toEqual([]);
});

test("a server that ignores If-Match may hold a table and no pointer", async () => {
  const bucket = memoryBucket();
  const put: Bucket["put"] = (key, bytes, { only, mark }) =>
    bucket.put(key, bytes, { ...(only === "absent" && { only }), ...(mark && { mark }) });
  const store = storeOf({ ...bucket, put });
  expect(await store.putIfAbsent("0.json", bytesOf("x"))).toBe(true);
  await expect(store.swap("0.json", bytesOf("y"), "1")).rejects.toThrow(/^STORE_UNFIT: .*ignores If-Match/);
});

test.each<[object, string]>([
  [{ name: "NoSuchBucket", $metadata: { httpStatusCode: 404 } }, "no bucket"],
  [{ name: "NotFound", $metadata: { httpStatusCode: 404 } }, "absent"],
  [{ name: "403", $metadata: { httpStatusCode: 403 } }, "forbidden"],
  [{ name: "PermanentRedirect", $metadata: { httpStatusCode: 301 } }, "elsewhere"],
  [{ name: "Unknown", $metadata: { httpStatusCode: 501 } }, "other"],
  [{ name: "Unknown", $metadata: { httpStatusCode: 502 } }, "away"],
  [{ name: "RequestTimeTooSkewed", $metadata: { httpStatusCode: 403 } }, "clock"],
  [{ name: "CredentialsProviderError" }, "no credentials"],
  [{ message: "Region is missing" }, "no region"],
  [{ name: "Error", code: "ECONNREFUSED" }, "away"],
  [{ name: "MalformedXML", $metadata: { httpStatusCode: 400 } }, "other"],
])("%j is %s", (answer, kind) => {
  expect(kindOf(Object.assign(new Error(), answer))).toBe(kind);
});
