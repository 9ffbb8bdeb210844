// What Linux shows of processes in /proc, see proc(5). Elsewhere it shows none. Before identity.ts.
import { readdirSync, readFileSync } from "node:fs";

/** The numbers of all processes that can be seen. */
export function processNumbers(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/**
 * Fields of /proc/PID/stat from the third on, the state: the second is a name, which may hold anything. Throws where it
 * cannot be read.
 */
export function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** What it was started with. None of a process that is gone, or another user's. */
export function wordsOf(pid: number, file: "cmdline" | "environ"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return [];
  }
}
