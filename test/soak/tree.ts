// Every process of the soak's `up`, orphans too, and what each holds: found by a mark in its environment, read from
// /proc. Linux.
import { readdirSync, readFileSync } from "node:fs";
import { sleep } from "../../shared/runtime/lifecycle.ts";

/** The variable whose value marks this soak's processes. */
export const MARK = "SOAK_RUN";

const END_MS = 10_000;

export interface Seen {
  readonly pid: number;
  /** The command of ours that it runs, `broker` for Kafka, else its program. */
  readonly name: string;
  /** MB: of the process, and what of it is neither a file's nor shared. */
  readonly rss: number;
  readonly anonymous: number;
  readonly descriptors: number;
  readonly threads: number;
}

export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly processes: readonly Seen[];
}

export function processesOf(mark: string): Seen[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => seen(Number(pid), mark) ?? []);
}

/** Undefined when it is another's, gone, or a zombie. */
function seen(pid: number, mark: string): Seen | undefined {
  try {
    if (!readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`${MARK}=${mark}`)) return undefined;
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN);
    if (Number.isNaN(field("VmRSS"))) return undefined;
    return {
      pid,
      name: nameOf(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")),
      rss: field("VmRSS") / 1024,
      anonymous: field("RssAnon") / 1024,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      threads: field("Threads"),
    };
  } catch {
    return undefined;
  }
}

export function nameOf(command: readonly string[]): string {
  const bin = command.findIndex((word) => word.endsWith("/tributary.mjs"));
  if (bin >= 0) return command[bin + 1] || "tributary";
  if (command.includes("kafka.Kafka")) return "broker";
  return command[0]?.split("/").at(-1) || "?";
}

/** Whatever is left of it, by force. Resolves when it is gone. */
export async function endAll(mark: string): Promise<void> {
  for (const deadline = performance.now() + END_MS; performance.now() < deadline; await sleep(100)) {
    const left = processesOf(mark);
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {} // it has just ended
    }
  }
}
