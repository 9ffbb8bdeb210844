// The few things that a folder store asks of the file system, each one call, so that a test can cut off or refuse every
// single one.
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { makeDurable } from "../disk/durable.ts";

export interface Disk {
  read(path: string): Promise<Uint8Array>;
  /** A new file; fails when it exists. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** What was written to a file, or which names a folder holds, is durable when it returns. */
  sync(path: string): Promise<void>;
  /** Replaces the target. */
  rename(from: string, to: string): Promise<void>;
  /** Refuses an existing target, and never shows a half-written file. */
  link(from: string, to: string): Promise<void>;
  /** A folder that holds something to a name that no such folder has; false when one has it. */
  moveFolder(from: string, to: string): Promise<boolean>;
  isThere(path: string): Promise<boolean>;
  /** A file, or a folder with all that it holds. Fine with what is not there. */
  remove(path: string): Promise<void>;
  /** With its parents; the first folder that was made, undefined when all stood already. */
  makeFolder(path: string): Promise<string | undefined>;
  list(path: string): Promise<string[]>;
  /** ms since 1970. */
  modifiedAt(path: string): Promise<number>;
}

export const realDisk: Disk = {
  read: (path) => readFile(path),
  write: (path, bytes) => writeFile(path, bytes, { flag: "wx" }),
  sync: makeDurable,
  rename,
  link,
  moveFolder: (from, to) =>
    rename(from, to).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOTEMPTY" || error.code === "EEXIST") return false;
        throw error;
      },
    ),
  isThere: (path) =>
    stat(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return false;
        throw error;
      },
    ),
  // another process may put something into a folder while it is emptied: a claim beside ours
  remove: (path) => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 5 }),
  makeFolder: (path) => mkdir(path, { recursive: true }),
  list: (path) => readdir(path),
  modifiedAt: async (path) => (await stat(path)).mtimeMs,
};
