// A commit on a file system without hard links: of all writers one gets the name, whole, whatever order they come in
// and whoever is killed or sleeps on the way.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type Disk, realDisk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { memoryDisk } from "./memory-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-claims-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusal = (code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(`${code}: link`), { code });
};
const without = (disk: Disk, code = "ENOTSUP"): Disk => ({ ...disk, link: refusal(code) });
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

test.each(["ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM", "EMLINK"])(
  "regression: where link answers %s a commit is made all the same, once",
  async (code) => {
    const dir = mkdtempSync(join(folder, "real-"));
    const stores = Array.from({ length: 8 }, () => folderStore(dir, without(realDisk, code)));
    for (const name of ["log/0.json", "log/1.json"]) {
      const got = await Promise.all(stores.map((store, k) => store.putIfAbsent(name, bytesOf(`writer ${k}`))));
      expect(got.filter((each) => each)).toHaveLength(1);
      expect(textOf(await stores[0]!.read(name))).toBe(`writer ${got.indexOf(true)}`);
    }
    expect(readdirSync(join(dir, "log"))).toEqual(["0.json", "1.json"]);
  },
);

test("a claim laid into the folder of one that was being removed ended its writer with ENOTEMPTY", async () => {
  const claim = join(folder, "claim");
  for (let round = 0; round < 200; round++) {
    const next = join(folder, `next-${round}`);
    for (const each of [claim, next]) {
      await realDisk.makeFolder(each);
      await realDisk.write(join(each, "bytes"), bytesOf("x"));
    }
    const removed = realDisk.remove(claim);
    while (!(await realDisk.moveFolder(next, claim)));
    await removed;
    await realDisk.remove(claim);
  }
});

test("a file system that puts one folder over another is refused with a sentence", async () => {
  const disk = { ...without(memoryDisk()), moveFolder: async () => true };
  await expect(folderStore("/t", disk).putIfAbsent("0.json", bytesOf("x"))).rejects.toMatchObject({
    code: "FILE_SYSTEM_UNFIT",
  });
});

/** Every operation waits for its turn; from its `dies`-th on a writer does nothing more, its tidying up included. */
function mortal(disk: Disk, turn: () => Promise<unknown>, dies: number): Disk {
  let operations = 0;
  const never = new Promise<never>(() => {});
  const stepped = Object.entries(disk).flatMap(([name, operation]) =>
    typeof operation !== "function"
      ? []
      : [
          [
            name,
            async (...given: [never, never]) => {
              if (operations >= dies) return await never;
              await turn();
              return operations++ >= dies
                ? await never
                : await (operation as (...given: unknown[]) => unknown)(...given);
            },
          ],
        ],
  );
  return Object.fromEntries(stepped) as Disk;
}

test("for any order of three writers, each of whom may be killed anywhere: at most one is told that it has the name, and what stands there is one writer's bytes, for ever", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 40 })), {
        minLength: 3,
        maxLength: 3,
      }),
      async (scheduler, deaths) => {
        const disk = memoryDisk();
        const told: (boolean | undefined)[] = deaths.map(() => undefined);
        deaths.forEach((dies, k) => {
          const own = mortal(without(disk), () => scheduler.schedule(Promise.resolve()), dies);
          void folderStore("/t", own)
            .putIfAbsent("log/0.json", bytesOf(`writer ${k}`))
            .then((got) => {
              told[k] = got;
            });
        });
        let found: string | undefined;
        for (let idle = 0; idle < 3; ) {
          if (scheduler.count() > 0) {
            idle = 0;
            await scheduler.waitOne();
          } else {
            idle++;
            await new Promise((resolve) => setImmediate(resolve));
          }
          const now = textOf(disk.files.get("/t/log/0.json")?.bytes);
          if (found !== undefined) expect(now).toBe(found);
          found = now;
        }
        const winners = told.flatMap((got, k) => (got ? [`writer ${k}`] : []));
        expect(winners.length).toBeLessThanOrEqual(1);
        if (winners.length === 1) expect(found).toBe(winners[0]);
        deaths.forEach((dies, k) => {
          if (dies === Number.POSITIVE_INFINITY) expect(told[k], "who lives gets an answer").toBeDefined();
        });
        if (deaths.every((dies) => dies === Number.POSITIVE_INFINITY)) expect(winners).toHaveLength(1);
        // Whoever comes next finds the name taken, or takes it, or brings a dead claimant's bytes there.
        const got = await folderStore("/t", without(disk)).putIfAbsent("log/0.json", bytesOf("the next"));
        const end = textOf(disk.files.get("/t/log/0.json")?.bytes);
        expect(end).toBe(found ?? (got ? "the next" : expect.stringMatching(/^writer \d$/)));
      },
    ),
    { seed: 1337, numRuns: 100 },
  );
});
