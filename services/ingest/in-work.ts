// What is being worked on, by partition, in a small file each: it outlives the process, so that the next one knows
// which messages it died of. Not synced: the death of a process leaves what it has written, and that is the only death
// a message brings about.
import { mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Suspect } from "./suspects.ts";

export interface InWork {
  /** What a process that died was at; undefined where none did. */
  left(partition: number): Suspect | undefined;
  begin(partition: number, suspect: Suspect): void;
  end(partition: number): void;
}

/** As long as every record, so that a shorter one covers a longer. */
const LENGTH = 120;

/** A folder that cannot be written to protects nobody and disturbs nobody. */
export function openInWork(dir: string, topic: string): InWork {
  const files = new Map<number, number | null>();
  const pathOf = (partition: number) => join(dir, `${topic}-${partition}.json`);

  function fileOf(partition: number): number | null {
    const open = files.get(partition);
    if (open !== undefined) return open;
    let file: number | null = null;
    try {
      mkdirSync(dir, { recursive: true });
      file = openSync(pathOf(partition), "w");
    } catch {
      // a full or read-only disk: ingest says so itself as soon as it writes
    }
    files.set(partition, file);
    return file;
  }

  function write(partition: number, record: string): void {
    const file = fileOf(partition);
    if (file === null) return;
    try {
      writeSync(file, record.padEnd(LENGTH), 0);
    } catch {
      // as above
    }
  }

  return {
    left: (partition) => {
      try {
        const { first, last, failures } = JSON.parse(readFileSync(pathOf(partition), "utf8")) as Record<
          string,
          unknown
        >;
        if (![first, last, failures].every((each) => Number.isSafeInteger(each))) return undefined;
        return { first: first as number, last: last as number, failures: failures as number };
      } catch {
        return undefined; // none, or torn
      }
    },
    begin: (partition, suspect) => write(partition, JSON.stringify(suspect)),
    end: (partition) => write(partition, ""),
  };
}
