// One writer per output directory: the parameter server, a branch made for it, a benchmark. Two would overwrite each
// other's files.
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError, type Facts } from "../errors/errors.ts";
import { type Held, take } from "../locks/lock.ts";
import { ageOf, isNode } from "../runtime/identity.ts";

const server = { name: "a parameter server", file: "server.lock" };

/** What this process has locked already, it may lock again. */
const mine = new Map<string, Held>();

/** Throws ALREADY_RUNNING. The lock goes with the process. */
export async function lock(out: string, signal?: AbortSignal, { name, file } = server): Promise<Held> {
  mkdirSync(out, { recursive: true });
  const path = join(out, file);
  const facts = { what: `${name} writes to ${out}` };
  mustNotBeOld(path, facts);
  const before = mine.get(path);
  if (before && existsSync(before.claim)) return before;
  const held = await take(path, signal, facts);
  mine.set(path, held);
  return held;
}

/**
 * An earlier version wrote its number into the file and nothing else: it counts where it can be a process of ours, a
 * Node that is older than the file.
 */
function mustNotBeOld(path: string, facts: Facts): void {
  const found = oldHolder(path);
  if (found === undefined || found.pid === process.pid || !isNode(found.pid)) return;
  const age = ageOf(found.pid);
  if (age !== undefined && age + ROUNDING_MS > found.age)
    throw new AppError("ALREADY_RUNNING", { ...facts, pid: found.pid });
}

const ROUNDING_MS = 1_000;

function oldHolder(path: string): { pid: number; age: number } | undefined {
  try {
    return { pid: Number(readFileSync(path, "utf8")), age: Date.now() - statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
}
