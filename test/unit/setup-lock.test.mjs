// Never are two set-ups of one checkout inside, and what a dead one has left keeps nobody out.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { withLock } from "../../infra/setup/lock.mjs";

const folder = mkdtempSync(join(tmpdir(), "tributary-setup-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("set-ups that come together take turns, and leave nothing", async () => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const lock = join(folder, "together");
  let [inside, most, done] = [0, 0, 0];
  const one = () =>
    withLock(async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside--;
      done++;
    }, lock);
  await Promise.all(Array.from({ length: 5 }, one));
  said.mockRestore();
  expect([most, done, readdirSync(folder)]).toEqual([1, 5, []]);
});

test.skipIf(process.platform !== "linux")(
  "the number of a dead set-up that is somebody else's by now, and a torn name, keep nobody out",
  async () => {
    const lock = join(folder, "dead");
    const left = [`dead.0123456789ab.${process.ppid}.1`, `dead.0123456789ab.${2 ** 22 + 1}.5`, `dead.${process.pid}`];
    for (const name of left) writeFileSync(join(folder, name), "");
    expect(await withLock(async () => left.filter((name) => existsSync(join(folder, name))), lock)).toEqual([]);
    await expect(withLock(() => Promise.reject(new Error("no network")), lock)).rejects.toThrow("no network");
    expect(readdirSync(folder)).toEqual([]);
  },
);
