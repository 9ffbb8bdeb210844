// One writer of checkpoints per output directory: the parameter server, or a branch made for it. Two would overwrite each other's. The lock of a process that is gone is nobody's.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../runtime/errors.ts";
import { isAlive } from "../runtime/registry.ts";

/** Throws ALREADY_RUNNING. The lock goes with the process. */
export function lock(out: string): void {
  mkdirSync(out, { recursive: true });
  const path = join(out, "server.lock");
  try {
    const pid = Number(readFileSync(path, "utf8"));
    if (pid !== process.pid && isAlive(pid)) throw new AppError("ALREADY_RUNNING", { what: `a parameter server writes to ${out}`, pid });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  writeFileSync(path, String(process.pid));
  process.once("exit", () => rmSync(path, { force: true }));
}
