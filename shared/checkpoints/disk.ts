// The few things that saving asks of the file system, each one call, so that a test can cut off every single one. Files
// grow piece by piece, folders are renamed whole.
import { appendFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { makeDurable } from "../disk/durable.ts";

export interface Disk {
  /** Adds to a file's end; makes it when it is not there. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  /** What was written to a file, or which names a folder holds, is durable when it returns. */
  sync(path: string): Promise<void>;
  /** Replaces a file; a folder must not be there. */
  rename(from: string, to: string): Promise<void>;
  /** A file, or a folder with all that it holds. Fine with what is not there. */
  remove(path: string): Promise<void>;
  /** With its parents; the first folder that was made, undefined when all stood already. */
  makeFolder(path: string): Promise<string | undefined>;
  list(path: string): Promise<string[]>;
}

export const realDisk: Disk = {
  append: (path, bytes) => appendFile(path, bytes),
  sync: makeDurable,
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  makeFolder: (path) => mkdir(path, { recursive: true }),
  list: (path) => readdir(path),
};

/**
 * The same for who holds a lock: `mustHold` throws when it is somebody else's by now, and then nothing of theirs is
 * replaced or removed.
 */
export const fenced = (disk: Disk, mustHold: () => void): Disk => ({
  ...disk,
  rename: async (from, to) => {
    mustHold();
    await disk.rename(from, to);
  },
  remove: async (path) => {
    mustHold();
    await disk.remove(path);
  },
});
