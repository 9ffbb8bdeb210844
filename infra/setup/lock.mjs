// One set-up of a checkout at a time: a second one waits for the first. Who wants it makes a file that only it makes,
// and has the lock when nobody else who lives has one: the same rules as in shared/locks/claims.ts, without packages.
// What a dead one has left, or one whose number is somebody else's by now, does not count.
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder, isAlive, keyOf, root } from "./cache.mjs";

export async function withLock(body, lock = join(cacheFolder, "locks", keyOf([root]))) {
  const folder = dirname(lock);
  let mine;
  const release = () => {
    if (mine !== undefined) rmSync(join(folder, mine), { force: true });
    mine = undefined;
  };
  mkdirSync(folder, { recursive: true });
  process.once("exit", release);
  try {
    for (let waits = 0; ; waits++) {
      const others = livingOthers(lock, mine);
      if (others.length === 0 && mine !== undefined) return await body();
      if (others.length === 0) {
        mine = claim(lock);
        continue; // who looks after both have come sees the other
      }
      if (others.some((name) => name < mine)) release(); // of those who came together the first one stays
      if (waits === 1)
        process.stderr.write(`waiting for the set-up of process ${others[0].split(".").at(-2)} in this checkout\n`);
      await sleep(50 + 150 * Math.random());
    }
  } finally {
    process.off("exit", release);
    release();
  }
}

function claim(lock) {
  const name = [basename(lock), randomBytes(6).toString("hex"), process.pid, startOf(process.pid)].join(".");
  closeSync(openSync(join(dirname(lock), name), "wx"));
  return name;
}

/** What the dead have left is removed on the way. */
function livingOthers(lock, mine) {
  return readdirSync(dirname(lock)).filter((name) => {
    if (!name.startsWith(`${basename(lock)}.`) || name === mine) return false;
    const [, pid, started] = /\.[0-9a-f]{12}\.(\d+)\.(\d+|-)$/.exec(name) ?? [];
    const lives = pid !== undefined && isAlive(Number(pid)) && startOf(pid) === started;
    if (!lives) rmSync(join(dirname(lock), name), { force: true });
    return lives;
  });
}

/** Ticks from the boot to its start; "-" where the system does not say; nothing of one that is over. */
function startOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // from the third on: the second is a name, which may hold anything
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return /[ZXx]/.test(fields[0]) ? undefined : fields[19];
  } catch {
    return "-";
  }
}
