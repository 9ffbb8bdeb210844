// A disk in memory that can be cut off: at a given operation the process is killed, or the power goes and takes with it
// all that was not synced.
import { basename, dirname } from "node:path";
import type { Disk } from "../../shared/storage/disk.ts";

export type Cut =
  | "killed before"
  | "killed half-way through a write"
  | "killed after"
  | "power cut before"
  | "power cut after";
export const cuts: readonly Cut[] = [
  "killed before",
  "killed half-way through a write",
  "killed after",
  "power cut before",
  "power cut after",
];

interface Inode {
  bytes: Uint8Array;
  /** What a power cut leaves of it. */
  durable: Uint8Array;
}

export interface MortalDisk extends Disk {
  /** Operations so far. */
  readonly operations: number;
  /** From the operation of this number on nothing works; whoever calls hears `Killed`. */
  cutAt(operation: number, how: Cut): void;
  /** What the next process finds. */
  survivors(): MortalDisk;
}

/** It comes from the disk, as its code says: no message is at fault. */
export class Killed extends Error {
  readonly code = "KILLED";
}

export function mortalDisk(found: ReadonlyMap<string, Inode> = new Map()): MortalDisk {
  const names = new Map(found);
  /** Names that a power cut leaves, as of the last sync of their folders. */
  const durableNames = new Map(names);
  let operations = 0;
  let cutting: { at: number; how: Cut } | undefined;
  let survivors: Map<string, Inode> | undefined;

  function die(how: Cut): never {
    survivors ??= how.startsWith("power")
      ? new Map([...durableNames].map(([name, { durable }]) => [name, { bytes: durable, durable }]))
      : new Map([...names].map(([name, { bytes }]) => [name, { bytes, durable: bytes }]));
    throw new Killed(how);
  }

  const oserror = (code: string, path: string) => Object.assign(new Error(`${code}: ${path}`), { code });
  const inode = (path: string) => {
    const found = names.get(path);
    if (!found) throw oserror("ENOENT", path);
    return found;
  };

  /** One operation, or the end. `half` is what a process killed in the middle of it has done. */
  async function step<T>(work: () => T, half?: () => void): Promise<T> {
    if (survivors) throw new Killed("already");
    const isCut = cutting?.at === operations++;
    if (isCut && cutting!.how.endsWith("before")) die(cutting!.how);
    if (isCut && cutting!.how === "killed half-way through a write") {
      half?.();
      die(cutting!.how);
    }
    try {
      return work();
    } finally {
      if (isCut) die(cutting!.how); // after an operation that was refused, too
    }
  }

  return {
    get operations() {
      return operations;
    },
    cutAt: (at, how) => {
      cutting = { at, how };
    },
    survivors: () => mortalDisk(survivors),
    read: (path) => step(() => inode(path).bytes),
    write: (path, bytes) => {
      const put = (written: Uint8Array) => {
        if (names.has(path)) throw oserror("EEXIST", path);
        names.set(path, { bytes: written, durable: new Uint8Array(0) });
      };
      return step(
        () => put(bytes),
        () => put(bytes.subarray(0, bytes.length / 2)),
      );
    },
    sync: (path) =>
      step(() => {
        const file = names.get(path);
        if (file) file.durable = file.bytes;
        const isWithin = (name: string) => dirname(name) === path;
        for (const name of [...durableNames.keys()].filter(isWithin)) if (!names.has(name)) durableNames.delete(name);
        for (const [name, held] of names) if (isWithin(name)) durableNames.set(name, held);
      }),
    rename: (from, to) =>
      step(() => {
        names.set(to, inode(from));
        names.delete(from);
      }),
    link: (from, to) =>
      step(() => {
        if (names.has(to)) throw oserror("EEXIST", to);
        names.set(to, inode(from));
      }),
    moveFolder: (from, to) =>
      step(() => {
        const within = (folder: string) => [...names.keys()].filter((name) => name.startsWith(`${folder}/`));
        if (within(to).length > 0) return false;
        for (const name of within(from)) {
          names.set(to + name.slice(from.length), inode(name));
          names.delete(name);
        }
        return true;
      }),
    isThere: (path) => step(() => names.has(path)),
    remove: (path) =>
      step(() => {
        for (const name of [...names.keys()]) if (name === path || name.startsWith(`${path}/`)) names.delete(name);
      }),
    makeFolder: () => step(() => undefined),
    list: (path) =>
      step(() => [...names.keys()].filter((name) => dirname(name) === path).map((name) => basename(name))),
    modifiedAt: (path) => step(() => inode(path) && 0),
  };
}
