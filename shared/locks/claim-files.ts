// Claims of a lock as empty files beside the file that the lock is named after: made, looked at, kept alive, removed.
// claims.ts decides, lock.ts uses it.
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { AppError } from "../errors/errors.ts";
import { ownIdentity, proofOf } from "../runtime/identity.ts";
import { claimName, claimOf, type Seen } from "./claims.ts";

export interface OwnClaim {
  readonly path: string;
  /** Shows that its process is alive. Throws LOCK_LOST when somebody has removed the claim. */
  beat(): void;
  remove(): void;
}

/** All of this process; they go with it. */
const own = new Set<string>();
process.once("exit", () => own.forEach(tryToRemove));

export function lookAt(file: string): Seen[] {
  const folder = dirname(file);
  return readdirSync(folder).flatMap((name) => {
    const claim = claimOf(basename(file), name);
    if (!claim) return [];
    const proof = proofOf(claim);
    const beat = proof === "unknown" ? beatOf(join(folder, name)) : 0;
    return beat === undefined ? [] : [{ claim, proof, beat }];
  });
}

export function makeClaim(file: string): OwnClaim {
  const path = join(
    dirname(file),
    claimName(basename(file), randomBytes(6).toString("hex"), ownIdentity(), hostname()),
  );
  closeSync(openSync(path, "wx"));
  own.add(path);
  let time = Math.floor(Date.now() / 1000); // from here on it is a count: a clock may stand still, or be set
  return {
    path,
    beat() {
      time += 2; // as coarse as any file system's times are (FAT)
      try {
        utimesSync(path, time, time);
      } catch (error) {
        if (isGone(error)) throw lost(path);
        throw error;
      }
      mustStillHold(path);
    },
    remove() {
      own.delete(path);
      tryToRemove(path);
    },
  };
}

/** Throws LOCK_LOST when the claim has been removed: somebody took its process for dead, and may hold the lock now. */
export function mustStillHold(claim: string): void {
  try {
    // a network file system asks the server at this, and answers questions for attributes from memory
    closeSync(openSync(claim, "r"));
  } catch (error) {
    throw isGone(error) ? lost(claim) : error;
  }
}

/** Undefined when it was removed meanwhile. */
function beatOf(path: string): number | undefined {
  try {
    const descriptor = openSync(path, "r"); // see `mustStillHold`
    try {
      return fstatSync(descriptor).mtimeMs;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (isGone(error)) return undefined;
    // another user's
    if ((error as NodeJS.ErrnoException).code === "EACCES") return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    throw error;
  }
}

export function tryToRemove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {} // of another user, or on a disk that may only be read
}

const isGone = (error: unknown) => ["ENOENT", "ESTALE"].includes((error as NodeJS.ErrnoException).code ?? "");

const lost = (path: string) =>
  new AppError("LOCK_LOST", { what: "this process stood still, and another one may have taken its place", path });
