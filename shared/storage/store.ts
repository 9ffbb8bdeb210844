// Where a table's bytes live: a port so small that an object store can take the folder's place. Every write is durable
// when it returns.
import { randomUUID } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { AppError } from "../errors/errors.ts";
import { mustKeepFolders, putByClaim } from "./claim.ts";
import { type Disk, realDisk } from "./disk.ts";

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
  /** What lies in a folder that `list` may leave out too, folders apart. For vacuum. */
  leftovers(folder: string): Promise<readonly { readonly path: string; readonly modifiedAt: number }[]>;
  /** Fine with what is not there. */
  remove(path: string): Promise<void>;
  /** Throws where two writers would not see each other: STORE_UNFIT. Nothing of its own stays behind. */
  mustBeFit(): Promise<void>;
}

/** A store that keeps pointers without a lock. */
export interface SwappingStore extends Store {
  /** Null where there is none. The tag is of these very bytes. */
  find(path: string): Promise<{ readonly bytes: Uint8Array; readonly tag: string } | null>;
  /** Puts it where the path still holds what has the tag, or nothing (null). False, with nothing done, otherwise. */
  swap(path: string, bytes: Uint8Array, tag: string | null): Promise<boolean>;
}

export function folderStore(dir: string, disk: Disk = realDisk): Store {
  const root = resolve(dir);
  const at = (path: string) => join(root, path);
  let hasLinks = true;

  /**
   * Writes and syncs a temporary file beside `target`, lets `publish` give it its name, syncs the folder. The temporary
   * file is gone afterwards.
   */
  async function throughTemporary(
    target: string,
    bytes: Uint8Array,
    publish: (temporary: string) => Promise<void>,
  ): Promise<void> {
    const folder = dirname(target);
    await makeFolder(folder);
    const temporary = join(folder, `.${basename(target)}.${randomUUID()}.tmp`);
    try {
      await disk.write(temporary, bytes);
      await disk.sync(temporary);
      await publish(temporary);
    } finally {
      await disk.remove(temporary);
    }
    await disk.sync(folder);
  }

  /** A new folder's name is durable only once its parent is synced. */
  async function makeFolder(folder: string): Promise<void> {
    const first = await disk.makeFolder(folder);
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) await disk.sync(dirname(made));
  }

  /** A link appears with its content, and refuses a name that is taken. */
  async function putByLink(target: string, bytes: Uint8Array): Promise<boolean | "impossible"> {
    let created = true as boolean | "impossible";
    await throughTemporary(target, bytes, async (temporary) => {
      await disk.link(temporary, target).catch((error: unknown) => {
        const code = codeOf(error) ?? "";
        if (code !== "EEXIST" && !withoutLinks.has(code)) throw error;
        created = code === "EEXIST" ? false : "impossible";
      });
    });
    if (created === "impossible") {
      await mustKeepFolders(disk, dirname(target));
      hasLinks = false;
    }
    return created;
  }

  const names = (folder: string) => orElse("ENOENT", disk.list(at(folder)), []);

  return {
    name: root,
    read: async (path) => {
      try {
        return await disk.read(at(path));
      } catch (error) {
        if (codeOf(error) === "ENOENT") throw new AppError("FILE_MISSING", { path: at(path) }, { cause: error });
        throw error;
      }
    },
    put: (path, bytes) => throughTemporary(at(path), bytes, (temporary) => disk.rename(temporary, at(path))),
    putIfAbsent: async (path, bytes) => {
      const linked = hasLinks ? await putByLink(at(path), bytes) : "impossible";
      return linked === "impossible" ? await putByClaim(disk, at(path), bytes) : linked;
    },
    list: async (folder) => (await names(folder)).filter((name) => !name.startsWith(".")).sort(),
    leftovers: async (folder) => {
      const found = await Promise.all(
        (await names(folder)).map(async (name) => ({
          path: join(folder, name),
          modifiedAt: await orElse("ENOENT", disk.modifiedAt(at(join(folder, name))), null),
        })),
      );
      return found.flatMap(({ path, modifiedAt }) => (modifiedAt === null ? [] : [{ path, modifiedAt }]));
    },
    remove: (path) => disk.remove(at(path)),
    mustBeFit: () => Promise.resolve(), // tried by putIfAbsent itself, where it matters
  };
}

/** What a file system that has no hard links answers to `link`. */
const withoutLinks: ReadonlySet<string> = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM", "EMLINK", "EINVAL"]);

async function orElse<T, U>(code: string, work: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === code) return otherwise;
    throw error;
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | null)?.code;
