// Where XLA keeps what it compiled, so that a second start needs seconds: a folder that does not grow without bound,
// and that stops nobody when it is full, read-only or spoilt. TensorFlow reads the flags once, when its library is
// loaded: call before that.
import { accessSync, constants, mkdirSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isWhole } from "./entries.ts";

interface Bounds {
  /** Bytes of all entries, of all libraries; the oldest go. */
  readonly most: number;
  /** Bytes that the disk must have left: an entry that cannot be written makes XLA fail, and so the plain graph run. */
  readonly free: number;
}

const usual: Bounds = { most: 2 * 2 ** 30, free: 256 * 2 ** 20 };
/** Such as TensorFlow writes and then renames: what is left of one is nobody's. */
const ABANDONED_MS = 3_600_000;

/**
 * Tells XLA so, but for flags that the user has set. The folder; undefined where there can be none: then it compiles at
 * every start. Entries are told apart by graph and device, not by the library that wrote them, hence `library`. `say`
 * hears why nothing more is kept.
 */
export function keepCompiled(
  env: NodeJS.ProcessEnv,
  library: string,
  say: (line: string) => void,
  bounds: Bounds = usual,
): string | undefined {
  if (env.TF_XLA_FLAGS) return undefined;
  const root = join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tributary", "xla");
  const folder = join(root, library);
  let why: string | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    tidy(root, bounds.most);
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < bounds.free)
      why = `its disk has ${mib(bavail * bsize)} MiB left, ${mib(bounds.free)} are needed`;
  } catch (error) {
    why = (error as Error).message;
  }
  if (why !== undefined) say(`what XLA compiles is not kept in ${folder}: ${why}; each start compiles anew`);
  if (entriesOf(folder).length === 0 && why !== undefined) return undefined;
  const readOnly = why === undefined ? "" : " --tf_xla_persistent_cache_read_only=true";
  env.TF_XLA_FLAGS = `--tf_xla_persistent_cache_directory=${folder}${readOnly}`;
  return folder;
}

/** Takes out all that is kept in the folder: an entry of it cannot be used, and which it is is not known. */
export function forgetCompiled(folder: string): void {
  for (const { path } of entriesOf(folder)) remove(path);
}

/** Whether XLA failed at what is kept, or at keeping it, and not at the graph. */
export const isOfKept = (message: string, folder: string): boolean =>
  message.includes(folder) || /serialized (cache|cpuaot|executable|xla)|deserializ/i.test(message);

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/** Others tidy at the same time, and compile: what is gone meanwhile is no entry. */
function entriesOf(folder: string): Entry[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    const found = statSync(path, { throwIfNoEntry: false });
    // where the disk notes when a file was read, what is in use stays
    return found?.isFile() ? [{ path, bytes: found.size, usedMs: Math.max(found.mtimeMs, found.atimeMs) }] : [];
  });
}

function tidy(root: string, most: number): void {
  let left = most;
  const isUsable = ({ path, usedMs }: Entry) =>
    path.endsWith(".pb") ? isWhole(path) : Date.now() - usedMs < ABANDONED_MS;
  const all = namesIn(root).flatMap((library) => entriesOf(join(root, library)));
  for (const entry of all.sort((a, b) => b.usedMs - a.usedMs)) {
    left -= entry.bytes;
    if (left >= 0 && isUsable(entry)) continue;
    left += entry.bytes;
    remove(entry.path);
  }
}

/** Of one that another has removed, or that this user may not, no more is asked. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const mib = (bytes: number) => Math.floor(bytes / 2 ** 20);
