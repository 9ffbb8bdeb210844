// One set-up of a checkout at a time: a second one waits for the first. The lock of a process that is gone does not count.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder, isAlive, keyOf, root } from "./cache.mjs";

export async function withLock(body) {
  const folder = join(cacheFolder, "locks");
  const lock = join(folder, keyOf([root]));
  const mine = `${lock}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(mine, String(process.pid));
  const release = () => rmSync(lock, { force: true });
  try {
    await acquire(mine, lock);
  } finally {
    rmSync(mine, { force: true });
  }
  process.once("exit", release);
  try {
    return await body();
  } finally {
    process.off("exit", release);
    release();
  }
}

async function acquire(mine, lock) {
  for (let waits = 0; ; waits++) {
    try {
      return linkSync(mine, lock); // a link appears with its content, so nobody reads a lock without a pid
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = holderOf(lock);
    if (holder !== undefined && !isAlive(holder)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (waits === 0) process.stderr.write(`waiting for the set-up of process ${holder ?? "?"} in this checkout\n`);
    await sleep(200);
  }
}

function holderOf(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return undefined; // released between the two calls
  }
}
