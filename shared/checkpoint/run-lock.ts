// One writer per output directory: the parameter server, a branch made for it, a benchmark. Two would overwrite each other's files. The lock of a process that is gone is nobody's.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../runtime/errors.ts";
import { isAlive } from "../runtime/identity.ts";

/** Throws ALREADY_RUNNING. The lock goes with the process. */
export function lock(out: string, { name, file } = { name: "a parameter server", file: "server.lock" }): void {
  mkdirSync(out, { recursive: true });
  const path = join(out, file);
  try {
    const pid = Number(readFileSync(path, "utf8"));
    if (pid !== process.pid && isAlive(pid)) throw new AppError("ALREADY_RUNNING", { what: `${name} writes to ${out}`, pid });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  writeFileSync(path, String(process.pid));
  process.once("exit", () => rmSync(path, { force: true }));
}
