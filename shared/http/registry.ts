// Which processes of a data directory run, and where their HTTP answers: one JSON file each, removed on exit, and by
// whoever finds that its process is gone. Of another machine or container, which shares the folder, no process can be
// seen: there a file must be touched now and then.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { isAlive, isNode, ownIdentity, proofOf } from "../runtime/identity.ts";
import { isLoopback } from "./loopback.ts";

const entry = z.object({
  ...{
    service: z.string(),
    pid: z.number().int(),
    url: z.string(),
    startedAt: z.number(),
    host: z.string().optional(),
  },
  /** See identity.ts; absent in files of earlier versions. */
  ...{ started: z.string().optional(), place: z.string().optional() },
});
export type Registration = z.output<typeof entry>;

const TOUCH_MS = 5_000;
/** Of a process that cannot be seen, after so long without a touch nobody is there. */
const GONE_MS = 30_000;
/**
 * After so long a file that tells nothing, or of somebody who cannot be seen, is removed. Who lives writes it again.
 */
const STALE_MS = 600_000;

/**
 * The address at which others find who listens on `host`: of all addresses (0.0.0.0, ::) the first one that leaves this
 * machine.
 */
export function reachable(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const outward = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4");
  return outward?.address ?? "127.0.0.1";
}

/**
 * Keeps this process's entry there; the function returned removes it, and so does the end of the process. A disk that
 * is full or read-only ends nobody: it is tried again.
 */
export function register(runDir: string, service: string, url: string): () => void {
  discover(runDir); // what the dead have left goes
  const { pid, started, place } = ownIdentity();
  const host = hostname();
  const isOurs = url === "" || isLoopback(new URL(url).hostname);
  const mine: Registration = { service, pid, url, startedAt: Date.now(), host, started, place };
  const named = (where: string) => join(runDir, `${service}-${where === "" ? "" : `${where}-`}${pid}.json`);
  let file = named(isOurs ? "" : host); // in every container processes have the same few numbers
  let isTold = false;
  const keep = () => {
    try {
      const holder = holderOf(file);
      if (holder !== undefined && !isMine(holder, mine)) file = named(place || host); // pid 1 in two containers
      if (holder !== undefined && isMine(holder, mine)) utimesSync(file, new Date(), new Date());
      else write(runDir, file, mine);
    } catch (error) {
      if (!isTold)
        process.stderr.write(
          `this process cannot be listed in ${runDir}, so others do not see it: ${(error as Error).message}\n`,
        );
      isTold = true;
    }
  };
  const remove = () => {
    try {
      const holder = holderOf(file);
      if (holder !== undefined && isMine(holder, mine)) rmSync(file, { force: true });
    } catch {} // it cannot be removed: whoever looks sees that we are gone
  };
  keep();
  process.once("exit", remove);
  const touching = setInterval(keep, TOUCH_MS).unref();
  return () => {
    clearInterval(touching);
    process.off("exit", remove);
    remove();
  };
}

function write(runDir: string, file: string, mine: Registration): void {
  mkdirSync(runDir, { recursive: true });
  const aside = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, JSON.stringify(mine));
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

/** Everybody who is there. What the dead have left, and what tells nothing, is removed on the way. */
export function discover(runDir: string): Registration[] {
  let names: string[];
  try {
    names = readdirSync(runDir);
  } catch {
    return [];
  }
  for (const path of touched.keys())
    if (dirname(path) === runDir && !names.includes(basename(path))) touched.delete(path);
  return names
    .filter((name) => name.endsWith(".json") || name.endsWith(".tmp"))
    .flatMap((name) => found(join(runDir, name)) ?? [])
    .sort((a, b) => a.service.localeCompare(b.service) || a.startedAt - b.startedAt);
}

function found(path: string): Registration | undefined {
  try {
    const { mtimeMs } = statSync(path);
    const isStale =
      // by both: clocks differ
      Math.abs(Date.now() - mtimeMs) > STALE_MS && performance.now() - seen(path, mtimeMs).since > GONE_MS;
    const read = path.endsWith(".json") ? parsed(readFileSync(path, "utf8")) : undefined;
    const state = read ? presence(read, path, mtimeMs) : "unseen";
    if (read && state === "there") return read;
    if (state === "gone" || read === null || isStale) rmSync(path, { force: true });
  } catch {} // removed since, or a folder that may only be read
  return undefined;
}

/** Null: torn. Undefined: of another version, which alone knows what it means. */
function parsed(text: string): Registration | null | undefined {
  try {
    return entry.safeParse(JSON.parse(text)).data;
  } catch {
    return null;
  }
}

function presence(
  { pid, started, place, host = hostname() }: Registration,
  path: string,
  mtimeMs: number,
): "there" | "gone" | "unseen" {
  if (host !== hostname()) return isTouched(path, mtimeMs) ? "there" : "unseen";
  if (started === undefined || place === undefined) return isAlive(pid) && isNode(pid) ? "there" : "gone";
  const proof = proofOf({ pid, started, place });
  if (proof !== "unknown") return proof === "gone" ? "gone" : "there";
  return isTouched(path, mtimeMs) ? "there" : "unseen";
}

/** Of each file its newest touch, and since when that is known, by a clock of our own that nobody sets. */
const touched = new Map<string, Touch>();

interface Touch {
  readonly mtimeMs: number;
  readonly since: number;
  readonly isLife: boolean;
}

/** Clocks are compared at the first look alone; then a later touch is life, whatever clock it was made by. */
function seen(path: string, mtimeMs: number): Touch {
  const before = touched.get(path);
  if (before?.mtimeMs === mtimeMs) return before;
  const isLife = (before !== undefined && mtimeMs > before.mtimeMs) || Math.abs(Date.now() - mtimeMs) < GONE_MS;
  const touch = { mtimeMs, since: performance.now(), isLife };
  touched.set(path, touch);
  return touch;
}

function isTouched(path: string, mtimeMs: number): boolean {
  const { isLife, since } = seen(path, mtimeMs);
  return isLife && performance.now() - since < GONE_MS;
}

function holderOf(file: string): Registration | undefined {
  try {
    return parsed(readFileSync(file, "utf8")) ?? undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** An entry that does not say where its number holds is an earlier version's, or a test's. */
const isMine = (holder: Registration, mine: Registration) =>
  holder.pid === mine.pid && (holder.place ?? mine.place) === mine.place;
