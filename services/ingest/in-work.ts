// What is being worked on, by partition, in a small file each while it lasts: it outlives the process, so that the next
// one knows which messages it died of. The file's name says whose it is: what a process works on that lives beside us,
// in another group or about to give the partition away, is no death. Not synced: the death of a process leaves what it
// has written, and that is the only death a message brings about.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Identity, ownIdentity, proofOf } from "../../shared/runtime/identity.ts";
import type { Suspect } from "./suspects.ts";

export interface InWork {
  /** What processes that died were at. Each is told once. */
  left(partition: number): Suspect[];
  begin(partition: number, suspect: Suspect): void;
  end(partition: number): void;
}

/** Nobody works on one piece for so long, ms: whose life cannot be proven is dead then. */
const SILENT_MS = 5000;

/** A folder that cannot be written to protects nobody and disturbs nobody. */
export function openInWork(dir: string, topic: string, owner: Identity = ownIdentity()): InWork {
  try {
    mkdirSync(dir, { recursive: true });
  } catch {
    // a read-only disk: ingest says so itself as soon as it writes
  }
  const prefixOf = (partition: number) => `${topic}-${partition}.`;
  const pathOf = (partition: number) =>
    join(dir, `${prefixOf(partition)}${owner.pid}.${owner.started || "-"}.${owner.place || "-"}.json`);

  /** Whose record it is; undefined when it is none of this partition. */
  function ownerOf(partition: number, name: string): Identity | undefined {
    const prefix = prefixOf(partition);
    if (!name.startsWith(prefix)) return undefined;
    const [, pid, started, place] = /^(\d+)\.(\d+|-)\.(\w+|-)\.json$/.exec(name.slice(prefix.length)) ?? [];
    if (pid === undefined) return undefined;
    return { pid: Number(pid), started: started === "-" ? "" : started!, place: place === "-" ? "" : place! };
  }

  function isDead(found: Identity, path: string): boolean {
    const proof = proofOf(found);
    if (proof === "unknown") return Date.now() - statSync(path).mtimeMs > SILENT_MS;
    return proof !== "lives";
  }

  function take(path: string): Suspect[] {
    try {
      const { first, last, failures } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
      rmSync(path);
      if (![first, last, failures].every((each) => Number.isSafeInteger(each))) return [];
      return [{ first: first as number, last: last as number, failures: failures as number }];
    } catch {
      rmSync(path, { force: true });
      return []; // torn
    }
  }

  return {
    left: (partition) => {
      try {
        return readdirSync(dir).flatMap((name) => {
          const found = ownerOf(partition, name);
          return found && isDead(found, join(dir, name)) ? take(join(dir, name)) : [];
        });
      } catch {
        return []; // no folder, or one that may only be read
      }
    },
    begin: (partition, suspect) => {
      try {
        writeFileSync(pathOf(partition), JSON.stringify(suspect));
      } catch {
        // a full disk: as above
      }
    },
    end: (partition) => {
      try {
        rmSync(pathOf(partition), { force: true });
      } catch {
        // as above
      }
    },
  };
}
