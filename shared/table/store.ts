// Where a table's bytes live: four operations, so that an object store can take the folder's place. Every write is durable when it returns.
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AppError } from "../runtime/errors.ts";

export interface Store {
  /** What is stored, for messages: a folder or an address. */
  readonly name: string;
  /** Throws FILE_MISSING. */
  read(path: string): Promise<Uint8Array>;
  /** Whole or not at all. */
  put(path: string, bytes: Uint8Array): Promise<void>;
  /** False when the path exists already, whoever wrote it: of all who try, one gets true. */
  putIfAbsent(path: string, bytes: Uint8Array): Promise<boolean>;
  /** Names in a folder of the store, sorted; empty when there is none. Files still being written are left out. */
  list(folder: string): Promise<string[]>;
}

export function folderStore(dir: string): Store {
  const root = resolve(dir);
  const at = (path: string) => join(root, path);
  return {
    name: root,
    read: async (path) => {
      try {
        return await readFile(at(path));
      } catch (error) {
        if (codeOf(error) === "ENOENT") throw new AppError("FILE_MISSING", { path: at(path) }, { cause: error });
        throw error;
      }
    },
    put: (path, bytes) =>
      throughTemporary(at(path), bytes, async (temporary) => {
        await rename(temporary, at(path));
      }),
    putIfAbsent: async (path, bytes) => {
      let created = true;
      await throughTemporary(at(path), bytes, async (temporary) => {
        // link(2), unlike rename(2), refuses an existing name, and unlike open(O_EXCL) never shows a half-written file.
        await link(temporary, at(path)).catch((error: unknown) => {
          if (codeOf(error) !== "EEXIST") throw error;
          created = false;
        });
      });
      return created;
    },
    list: async (folder) => {
      try {
        return (await readdir(at(folder))).filter((name) => !name.startsWith(".")).sort();
      } catch (error) {
        if (codeOf(error) === "ENOENT") return [];
        throw error;
      }
    },
  };
}

/** Writes and syncs a temporary file beside `target`, lets `publish` give it its name, syncs the folder. The temporary file is gone afterwards. */
async function throughTemporary(target: string, bytes: Uint8Array, publish: (temporary: string) => Promise<void>): Promise<void> {
  const folder = dirname(target);
  await makeFolder(folder);
  const temporary = join(folder, `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
}

/** A new folder's name is durable only once its parent is synced. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | null)?.code;
