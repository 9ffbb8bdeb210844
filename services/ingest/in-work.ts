// What is being worked on, by partition, in a small file each while it lasts: it outlives the process, so that the next
// one knows which messages it died of. The file's name says whose it is, as a lock's claim does: what a process works
// on that lives beside us, in another group or about to give the partition away, is no death. Not synced: the death of
// a process leaves what it has written, and that is the only death a message brings about.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { lookAt } from "../../shared/locks/claim-files.ts";
import { claimName, type Seen } from "../../shared/locks/claims.ts";
import { type Identity, ownIdentity } from "../../shared/runtime/identity.ts";
import type { Suspect } from "./suspects.ts";

export interface InWork {
  /** What processes that died were at. Each is told once. */
  left(partition: number): Suspect[];
  begin(partition: number, suspect: Suspect): void;
  end(partition: number): void;
}

/** Nobody works on one piece for so long, ms: whose life cannot be proven is dead then. */
const SILENT_MS = 5000;

const isDead = ({ proof, beat }: Seen) => (proof === "unknown" ? Date.now() - beat > SILENT_MS : proof !== "lives");

/** A folder that cannot be written to protects nobody and disturbs nobody. */
export function openInWork(dir: string, topic: string, owner: Identity = ownIdentity()): InWork {
  try {
    mkdirSync(dir, { recursive: true });
  } catch {
    // a read-only disk: ingest says so itself as soon as it writes
  }
  const pathOf = (partition: number) => join(dir, `${topic}-${partition}`);
  const draw = randomBytes(6).toString("hex");
  const ownPath = (partition: number) => claimName(pathOf(partition), draw, owner, hostname());

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
        return lookAt(pathOf(partition))
          .filter(isDead)
          .flatMap(({ claim }) => take(join(dir, claim.name)));
      } catch {
        return []; // no folder, or one that may only be read
      }
    },
    begin: (partition, suspect) => {
      try {
        writeFileSync(ownPath(partition), JSON.stringify(suspect));
      } catch {
        // a full disk: as above
      }
    },
    end: (partition) => {
      try {
        rmSync(ownPath(partition), { force: true });
      } catch {
        // as above
      }
    },
  };
}
