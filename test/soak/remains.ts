// What an `up` that has ended may have left: processes, registrations, temporary files, memory shared with trainers.
import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { pathsOf } from "../../shared/runtime/paths.ts";
import type { Size } from "./judge.ts";
import { processesOf } from "./tree.ts";

const SHARED_MEMORY = "/dev/shm";
/** Half of a file, written beside its place and not yet renamed: services call it so. */
const UNFINISHED = /\.(tmp|new|part|partial)$|\.tmp[-.]/;
const CLEARLY_BEFORE_MS = 1000;

/** `since` (ms since 1970): what is older was left by a death that the soak made itself. */
export function remainsOf(dataDir: string, temporary: string, mark: string, since: number): string[] {
  const isNew = (path: string) => (modified(path) ?? 0) > since + CLEARLY_BEFORE_MS;
  const unfinished = filesBelow(dataDir).filter((path) => UNFINISHED.test(path) && isNew(path));
  const temporaries = filesBelow(temporary).filter(isNew);
  return [
    ...processesOf(mark).map(({ name, pid }) => `process ${name} (${pid})`),
    ...registrationsIn(dataDir).map((name) => `registration ${name}`),
    ...unfinished.map((path) => `file ${relative(dataDir, path)}`),
    ...temporaries.map((path) => `temporary file ${relative(temporary, path)}`),
  ];
}

/** Folders through which servers of these numbers shared memory with their trainers. */
export function sharedBy(pids: ReadonlySet<number>): string[] {
  return namesIn(SHARED_MEMORY)
    .filter((name) => pids.has(Number(/^tributary-(\d+)-/.exec(name)?.[1])))
    .map((name) => `shared memory ${name}`);
}

export const registrationsIn = (dataDir: string): string[] =>
  namesIn(pathsOf(dataDir).run).filter((name) => name.endsWith(".json"));

/** MB, Kafka's own included. */
export function logsOf(dataDir: string): Omit<Size, "before">[] {
  const { logs, kafka } = pathsOf(dataDir);
  const files = [...filesBelow(logs), join(kafka, "broker.log")];
  return files.flatMap((path) => {
    const size = sizeOf(path);
    return size === undefined ? [] : [{ name: relative(dataDir, path), after: size / 2 ** 20 }];
  });
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
  } catch {
    return []; // gone meanwhile, or never there
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const sizeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.size;
const modified = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
