// A flipped bit is named wherever it is: in a data file, an entry or a checkpoint of the log, a manifest. Nothing that
// differs from what was written is ever taken in.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { formatManifest, readManifest, VOCABULARY } from "../../shared/checkpoints/manifest.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { defaults } from "../../shared/systems/recvae/settings.ts";
import { compact } from "../../shared/table/compaction.ts";
import { openDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { openFiltered, writeFiltered } from "../../shared/table/filtered.ts";
import { appendItems } from "../../shared/table/items.ts";
import { formatEntry, parseEntry } from "../../shared/table/log.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../shared/table/log-checkpoint.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-rot-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const table = () => join(dir, "table");
const letters = () => join(dir, "dead");
const rows = (from: number, count: number) =>
  batchOf(
    Array.from({ length: count }, (_, k) => ({
      user: `u${(from + k) % 7}`,
      item: `i${(from + k) % 11}`,
      ...{ timestamp: 1.7e12 + k, value: k % 3 === 0 ? null : k / 3, partition: 0, offset: from + k },
    })),
  );

/** A table with a row each, a dead letter, a gap and items, in `commits` commits. */
async function fill(commits: number): Promise<void> {
  const events = await openEvents(table());
  for (let k = 0; k < commits; k++) {
    const [first, last] = [30 * k, 30 * k + 27];
    const txn = [{ appId: "t/0", version: last + 2 }];
    const dead = await openDeadLetters(letters());
    const letter = {
      value: Buffer.from("?"),
      topic: "t",
      partition: 0,
      offset: last + 1,
      timestamp: 1,
      reason: "NOT_JSON",
      detail: "",
    } as const;
    await dead.commit({ add: [await writeDeadLetters(dead.store, [letter])], txn });
    const filtered = await openFiltered(table());
    const gap = { topic: "t", partition: 0, first: last + 2, last: last + 2, reason: "NO_MESSAGE" } as const;
    await filtered.commit({ add: [await writeFiltered(filtered.store, [gap])], txn });
    await events.commit({ add: [await writeEvents(events.store, rows(first, 28))], txn, newestArrival: 1000 + k });
    await appendItems(table(), [`i${k}`], k);
  }
}

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const other = Uint8Array.from(bytes);
  other[at >> 3]! ^= 1 << (at & 7);
  return other;
}

test("verify names a flipped bit of any file of any table: rows, letters, gaps, items, entries, checkpoints", async () => {
  await fill(11);
  await compact(await openEvents(table()));
  expect(await prove(table(), letters())).toMatchObject({ ok: true, unprotected: 0 });
  const events = await openEvents(table());
  const live = [...filesOf(table()), ...filesOf(letters())].filter(
    (path) =>
      !path.endsWith("_last_checkpoint") &&
      (!events.removed.has(path.slice(join(table(), "events").length + 1)) || path.includes("_delta_log")),
  );
  let draw = 7;
  for (const path of live) {
    const good = readFileSync(path);
    draw = (draw * 1103515245 + 12345) % 2147483648;
    writeFileSync(path, flipped(good, draw % (8 * good.length)));
    const named = await prove(table(), letters()).then(
      ({ ok }) => !ok,
      ({ code }) => code === "TABLE_CORRUPT" || code === "TABLE_UNSUPPORTED",
    );
    // a bit of a checkpoint that changes nothing that is read is none
    if (!path.endsWith(".checkpoint.parquet")) expect(named, path).toBe(true);
    writeFileSync(path, good);
  }
});

test("property: no flipped bit of a data file is ever read as other rows", async () => {
  const events = await openEvents(table());
  await events.commit({ add: [await writeEvents(events.store, rows(0, 500))] });
  const [file] = events.files;
  const path = join(table(), "events", file!.path);
  const good = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 8 * good.length - 1 }), async (at) => {
      writeFileSync(path, flipped(good, at));
      await expect(readEvents(events.store, file!)).rejects.toMatchObject({ code: "TABLE_CORRUPT" });
    }),
    { seed: 3, numRuns: 100 },
  );
});

test("property: an entry of the log with a flipped bit is refused, wherever the bit is", () => {
  const file = { path: "a.parquet", size: 3, rows: 2, modificationTime: 4, stats: '{"numRecords":2}', sha256: "ab" };
  const draft = {
    timestamp: 5,
    newestArrival: 6,
    marks: [],
    metadata: { id: "x", schemaString: "{}" },
    txn: [{ appId: "t/0", version: 9 }],
  };
  const entry = Buffer.from(formatEntry({ ...draft, add: [file], remove: [], operation: "WRITE" }));
  expect(parseEntry(entry.toString(), 0, "x").add).toEqual([file]);
  for (let at = 0; at < 8 * entry.length; at++) {
    const text = Buffer.from(flipped(entry, at)).toString();
    let read: unknown;
    try {
      read = parseEntry(text, 0, "x");
    } catch {
      continue;
    }
    expect(read, `bit ${at}`).toEqual(parseEntry(entry.toString(), 0, "x"));
  }
});

test("a checkpoint of the log with a flipped bit is refused, or says what was written", async () => {
  await fill(1);
  const events = await openEvents(table());
  const { files, removed, offsets, watermark, version } = {
    ...events,
    files: new Map(events.files.map((file) => [file.path, file])),
  };
  const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
  const state = {
    version,
    protocol,
    metadata: { id: "m", schemaString: "{}" },
    files,
    removed: new Map(removed),
    offsets: new Map(offsets),
    watermark,
  };
  const { bytes } = encodeCheckpoint(state, 5);
  const expected = decodeCheckpoint(bytes, version);
  expect(expected.files).toEqual(files);
  let refused = 0;
  for (let at = 0; at < 8 * bytes.length; at += 97) {
    try {
      expect(decodeCheckpoint(flipped(bytes, at), version).files).toEqual(expected.files);
    } catch (error) {
      if ((error as Error).name === "AssertionError") throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(20);
});

test("files without a hash, of other writers or of before, are read as ever, and verify counts them", async () => {
  const events = await openEvents(table());
  const { sha256: _, ...bare } = await writeEvents(events.store, rows(0, 3));
  await events.commit({ add: [bare], txn: [{ appId: "t/0", version: 2 }] });
  expect((await readEvents(events.store, (await openEvents(table())).files[0]!)).length).toBe(3);
  expect(await prove(table(), letters())).toMatchObject({ ok: true, unprotected: 1 });
});

const config = { ...defaults, items: 2 };
const manifest = {
  ...{
    format: 1 as const,
    model: "recvae" as const,
    config,
    step: 4,
    round: 1,
    seed: 7,
    salt: "s",
    tableVersion: 3,
    watermark: 12,
    createdAt: 1,
  },
  ...{ vocabulary: { count: 2, file: VOCABULARY as typeof VOCABULARY }, sha256: { a: "b" } },
};
const write = (text: string) => writeFileSync(join(dir, "manifest.json"), text);

test.each(["step", "round", "seed", "tableVersion", "watermark", "createdAt"])(
  "a manifest whose %s was changed is refused",
  async (name) => {
    write(formatManifest(manifest).replace(new RegExp(`"${name}": (\\d+)`), `"${name}": 1$1`));
    await expect(readManifest(dir)).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
  },
);

test("property: a manifest with a flipped bit is refused, or says what was written", async () => {
  const good = Buffer.from(formatManifest(manifest));
  write(good.toString());
  const expected = await readManifest(dir);
  expect(expected).toMatchObject(manifest);
  for (let at = 0; at < 8 * good.length; at += 5) {
    writeFileSync(join(dir, "manifest.json"), flipped(good, at));
    const read = await readManifest(dir).catch(({ code }) => code as string);
    if (read !== "CHECKPOINT_CORRUPT") expect(read).toEqual(expected);
  }
});

test("a manifest of before there was a hash is read", async () => {
  write(JSON.stringify(manifest));
  expect(await readManifest(dir)).toMatchObject(manifest);
});
