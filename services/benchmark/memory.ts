// How much memory a process takes together with all that it started, as far as Linux's /proc tells: pages that several share count once.
import { readFileSync } from "node:fs";

/** Bytes; 0 where there is no /proc, or the process is gone. */
export function memoryOf(pid: number): number {
  const own = Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean);
  return children.reduce((sum, child) => sum + memoryOf(Number(child)), own);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
