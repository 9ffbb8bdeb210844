// Which processes of a data directory run, and where their HTTP answers: one JSON file each, removed on exit, ignored when its process is gone. Of another machine
// or container, which shares the folder, no process can be seen: there a file must have been touched lately.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { isLoopback } from "./loopback.ts";

const entry = z.object({ service: z.string(), pid: z.number().int(), url: z.string(), startedAt: z.number(), host: z.string().optional() });
export type Registration = z.output<typeof entry>;

const TOUCH_MS = 5_000;
/** Of a machine that is not this one, after so long without a touch nobody is there. */
const GONE_MS = 30_000;

/** The address at which others find who listens on `host`: of all addresses (0.0.0.0, ::) the first one that leaves this machine. */
export function reachable(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const outward = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4");
  return outward?.address ?? "127.0.0.1";
}

/** Writes this process's entry; the function returned removes it, and so does the end of the process. */
export function register(runDir: string, service: string, url: string): () => void {
  mkdirSync(runDir, { recursive: true });
  const host = hostname();
  const isOurs = url === "" || isLoopback(new URL(url).hostname);
  const place = isOurs ? "" : `${host}-`; // in every container processes have the same few numbers
  const file = join(runDir, `${service}-${place}${process.pid}.json`);
  const mine: Registration = { service, pid: process.pid, url, startedAt: Date.now(), host };
  writeFileSync(`${file}.tmp`, JSON.stringify(mine));
  renameSync(`${file}.tmp`, file);
  const remove = () => rmSync(file, { force: true });
  process.once("exit", remove);
  const touch = () => {
    try {
      utimesSync(file, new Date(), new Date());
    } catch {} // somebody has cleared the folder
  };
  const touching = setInterval(touch, TOUCH_MS).unref();
  return () => {
    clearInterval(touching);
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
        if (!parsed.success) return [];
        const isHere = (parsed.data.host ?? hostname()) === hostname();
        const isThere = isHere ? isAlive(parsed.data.pid) : Date.now() - statSync(join(runDir, name)).mtimeMs < GONE_MS;
        return isThere ? [parsed.data] : [];
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
