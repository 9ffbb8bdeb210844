// A disk in memory that a test can copy, and that fails from its k-th operation on, as a crash or a full disk does.
import { dirname } from "node:path";
import type { Disk } from "../../shared/storage/disk.ts";

export interface MemoryDisk extends Disk {
  /** Content and time of writing by path. */
  readonly files: Map<string, { readonly bytes: Uint8Array; readonly at: number }>;
  readonly operations: number;
}

const failure = (code: string, path: string) => Object.assign(new Error(`${code}: ${path}`), { code });

export function memoryDisk(
  files: MemoryDisk["files"] = new Map(),
  failsFrom = Number.POSITIVE_INFINITY,
  now = () => Date.now(),
): MemoryDisk {
  let operations = 0;
  const held = (path: string) => {
    const file = files.get(path);
    if (!file) throw failure("ENOENT", path);
    return file;
  };
  const disk: Disk = {
    read: async (path) => held(path).bytes,
    write: async (path, bytes) => void files.set(path, { bytes: Uint8Array.from(bytes), at: now() }),
    sync: async () => undefined,
    rename: async (from, to) => {
      files.set(to, held(from));
      files.delete(from);
    },
    link: async (from, to) => {
      if (files.has(to)) throw failure("EEXIST", to);
      files.set(to, held(from));
    },
    moveFolder: async (from, to) => {
      const within = (folder: string) => [...files.keys()].filter((path) => path.startsWith(`${folder}/`));
      if (within(to).length > 0) return false;
      for (const path of within(from)) {
        files.set(to + path.slice(from.length), held(path));
        files.delete(path);
      }
      return true;
    },
    isThere: async (path) => files.has(path),
    remove: async (path) => {
      for (const each of [...files.keys()]) if (each === path || each.startsWith(`${path}/`)) files.delete(each);
    },
    makeFolder: async () => undefined,
    list: async (folder) =>
      [...files.keys()].filter((path) => dirname(path) === folder).map((path) => path.slice(folder.length + 1)),
    modifiedAt: async (path) => held(path).at,
  };
  const counted = Object.entries(disk).map(([name, operation]) => [
    name,
    async (...given: [never, never]) => {
      if (operations++ >= failsFrom) throw failure("EIO", String(given[0]));
      return operation(...given);
    },
  ]);
  return Object.defineProperty({ ...Object.fromEntries(counted), files } as MemoryDisk, "operations", {
    get: () => operations,
  });
}

/**
 * Runs `work` with a disk that fails from the first operation on, from the second, and so on until it does not fail;
 * then each state it left.
 */
export async function afterEveryCrash(
  start: MemoryDisk["files"],
  work: (disk: Disk) => Promise<unknown>,
  check: (files: MemoryDisk["files"], failsFrom: number) => Promise<void>,
): Promise<number> {
  for (let failsFrom = 0; ; failsFrom++) {
    const files = new Map(start);
    const disk = memoryDisk(files, failsFrom);
    let failed = false;
    await work(disk).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EIO") throw error;
      failed = true;
    });
    await check(files, failsFrom);
    if (!failed && disk.operations <= failsFrom) return failsFrom;
  }
}
