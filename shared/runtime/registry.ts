// Which processes of a data directory run, and where their HTTP answers: one JSON file each, removed on exit, ignored when its process is gone.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const entry = z.object({ service: z.string(), pid: z.number().int(), url: z.string(), startedAt: z.number() });
export type Registration = z.output<typeof entry>;

/** Writes this process's entry; the function returned removes it, and so does the end of the process. */
export function register(runDir: string, service: string, url: string): () => void {
  mkdirSync(runDir, { recursive: true });
  const file = join(runDir, `${service}-${process.pid}.json`);
  const mine: Registration = { service, pid: process.pid, url, startedAt: Date.now() };
  writeFileSync(`${file}.tmp`, JSON.stringify(mine));
  renameSync(`${file}.tmp`, file);
  const remove = () => rmSync(file, { force: true });
  process.once("exit", remove);
  return () => {
    process.off("exit", remove);
    remove();
  };
}

export function discover(runDir: string): Registration[] {
  let names: string[];
  try {
    names = readdirSync(runDir).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
  return names
    .flatMap((name) => {
      try {
        const parsed = entry.safeParse(JSON.parse(readFileSync(join(runDir, name), "utf8")));
        return parsed.success && isAlive(parsed.data.pid) ? [parsed.data] : [];
      } catch {
        return []; // removed between listing and reading
      }
    })
    .sort((a, b) => a.service.localeCompare(b.service) || a.startedAt - b.startedAt);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
