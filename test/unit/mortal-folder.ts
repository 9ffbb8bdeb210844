// A folder on the real disk whose writer can be cut off: at a given operation the process is killed, or the power goes
// and takes with it what was not synced. Nothing is really synced: what a power cut takes is known.
import { appendFileSync, existsSync, renameSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { type Disk, realDisk } from "../../shared/checkpoints/disk.ts";
import { type Cut, Killed } from "./mortal-disk.ts";

export interface MortalFolder extends Disk {
  /** Names of the operations so far. */
  readonly operations: readonly string[];
  readonly isDead: boolean;
}

/** From the operation of number `at` on nothing works; whoever calls hears `Killed`. */
export function mortalFolder(at = Number.POSITIVE_INFINITY, how: Cut = "killed before"): MortalFolder {
  const operations: string[] = [];
  let isDead = false;
  const unsynced = new Set<string>();
  /** New names that their folder has not been synced with. */
  let renamed: { from: string; to: string }[] = [];

  function die(): never {
    isDead = true;
    if (how.startsWith("power")) {
      for (const path of unsynced) if (existsSync(path)) truncateSync(path, 0);
      for (const { from, to } of renamed.reverse()) renameSync(to, from);
    }
    throw new Killed(how);
  }
  async function step<T>(name: string, work: () => Promise<T>, half?: () => void): Promise<T> {
    if (isDead) throw new Killed("already");
    const isCut = operations.push(name) - 1 === at;
    if (isCut && how === "killed half-way through a write") half?.();
    if (isCut && !how.endsWith("after")) die();
    const result = await work();
    if (isCut) die();
    return result;
  }

  return {
    operations,
    get isDead() {
      return isDead;
    },
    append: (path, bytes) => {
      unsynced.add(path);
      return step(
        "append",
        () => realDisk.append(path, bytes),
        () => appendFileSync(path, bytes.subarray(0, bytes.length / 2)),
      );
    },
    sync: (path) =>
      step("sync", async () => {
        unsynced.delete(path);
        renamed = renamed.filter(({ to }) => dirname(to) !== path);
      }),
    rename: (from, to) =>
      step("rename", async () => {
        if (!existsSync(to)) renamed.push({ from, to });
        await realDisk.rename(from, to);
        for (const path of unsynced)
          if (path === from || path.startsWith(`${from}/`)) unsynced.add(to + path.slice(from.length));
      }),
    remove: (path) => step("remove", () => realDisk.remove(path)),
    makeFolder: (path) => step("makeFolder", () => realDisk.makeFolder(path)),
    list: (path) => step("list", () => realDisk.list(path)),
  };
}
