// A store in memory for tests of the table: every operation can be made to wait its turn, so that a test decides who
// comes first.
import { AppError } from "../../shared/errors/errors.ts";
import type { SwappingStore } from "../../shared/storage/store.ts";
import { sha256Of } from "../../shared/table/hashes.ts";

export interface MemoryStore extends SwappingStore {
  readonly files: Map<string, Uint8Array>;
}

/** `turn` is awaited before each operation; an operation itself is atomic. */
export function memoryStore(
  turn: () => Promise<unknown> = () => Promise.resolve(),
  files = new Map<string, Uint8Array>(),
): MemoryStore {
  return {
    name: "memory",
    files,
    read: async (path) => {
      await turn();
      const bytes = files.get(path);
      if (!bytes) throw new AppError("FILE_MISSING", { path });
      return bytes;
    },
    put: async (path, bytes) => {
      await turn();
      files.set(path, bytes);
    },
    putIfAbsent: async (path, bytes) => {
      await turn();
      if (files.has(path)) return false;
      files.set(path, bytes);
      return true;
    },
    find: async (path) => {
      await turn();
      const bytes = files.get(path);
      return bytes ? { bytes, tag: sha256Of(bytes) } : null;
    },
    swap: async (path, bytes, tag) => {
      await turn();
      const held = files.get(path);
      if ((held ? sha256Of(held) : null) !== tag) return false;
      files.set(path, bytes);
      return true;
    },
    list: async (folder) => {
      await turn();
      return [...files.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .sort();
    },
    leftovers: async (folder) => {
      await turn();
      const below = folder === "." ? "" : `${folder}/`;
      return [...files.keys()]
        .filter((path) => path.startsWith(below) && !path.slice(below.length).includes("/"))
        .map((path) => ({ path, modifiedAt: 0 }));
    },
    remove: async (path) => {
      await turn();
      files.delete(path);
    },
    mustBeFit: () => Promise.resolve(),
  };
}
