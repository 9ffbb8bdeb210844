// The largest memory that processes of a run have had, each by itself, as the system counts it: looked at while they
// live, kept when they are gone.
import { readFileSync } from "node:fs";

export class Peaks {
  readonly #bytes = new Map<number, number>();

  look(pids: Iterable<number | undefined>): void {
    for (const pid of pids) {
      const bytes = pid === undefined ? undefined : peakOf(pid);
      if (bytes !== undefined) this.#bytes.set(pid!, bytes);
    }
  }

  /** Undefined where the system does not tell. */
  of(pid: number | undefined): number | undefined {
    return pid === undefined ? undefined : this.#bytes.get(pid);
  }

  /** Sum over the processes; null where the system does not tell. */
  get total(): number | null {
    return this.#bytes.size === 0 ? null : [...this.#bytes.values()].reduce((sum, each) => sum + each, 0);
  }
}

/** Undefined where there is no such file: the process is gone, or the system is not Linux. */
function peakOf(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
