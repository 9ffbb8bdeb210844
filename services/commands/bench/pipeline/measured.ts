// One stage of `bench pipeline`: processes as users start them, how long they take, the most memory that each has had,
// what they leave on the disk.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../../../shared/errors/errors.ts";
import { sleep, type Until } from "../../../../shared/runtime/lifecycle.ts";
import { Peaks } from "../../../../shared/runtime/peaks.ts";
import { type Spawned, type SpawnOptions, spawnService } from "../../../../shared/runtime/spawn.ts";

/** What a stage came to. */
export interface Stage {
  readonly name: string;
  readonly seconds: number;
  /** Of what the stage is about: events, users. */
  readonly rate?: { readonly perSecond: number; readonly of: string } | undefined;
  /** Most of one process of each service, bytes. */
  readonly peaks: Readonly<Record<string, number>>;
  /** Bytes of what it left on the disk. */
  readonly disk?: number | undefined;
  /** Seconds that it may take, and bytes that a process may have. */
  readonly limit?: number | undefined;
  readonly memoryLimits?: Readonly<Record<string, number>> | undefined;
}

const LOOK_MS = 200;

/** Starts processes, and looks at their memory as long as they live. */
export function openWorkplace(until: Until, log: string) {
  const peaks = new Peaks();
  const all: Spawned[] = [];
  const timer = setInterval(() => peaks.look(all.map(({ child }) => child.pid)), LOOK_MS);
  const start = (service: string, args: readonly string[], options: SpawnOptions = {}): Spawned => {
    const spawned = spawnService(service, args, { log, ...options });
    all.push(spawned);
    return spawned;
  };
  const peakOf = (...processes: Spawned[]): Record<string, number> => {
    const most: Record<string, number> = {};
    for (const { name, child } of processes) most[name] = Math.max(most[name] ?? 0, peaks.of(child.pid) ?? 0);
    return most;
  };
  return {
    start,
    peakOf,
    /** To its end. Throws SERVICE_DIED where that is no good one. */
    async run(service: string, args: readonly string[]): Promise<Pick<Stage, "seconds" | "peaks">> {
      const startedAt = performance.now();
      const spawned = start(service, args);
      until.signal.addEventListener("abort", () => void spawned.stop(), { once: true });
      const code = await spawned.exited;
      until.signal.throwIfAborted();
      if (code !== 0) throw new AppError("SERVICE_DIED", { what: `${service} of the pipeline`, exitCode: code, log });
      return { seconds: (performance.now() - startedAt) / 1000, peaks: peakOf(spawned) };
    },
    /** As soon as `look` finds something. Throws SERVICE_DIED when the process ends before. */
    async when<T>(process: Spawned, look: () => Promise<T | undefined>): Promise<T> {
      for (; process.running; await Promise.race([sleep(LOOK_MS, until.signal), process.exited])) {
        until.signal.throwIfAborted();
        const found = await look();
        if (found !== undefined) return found;
      }
      until.signal.throwIfAborted();
      throw new AppError("SERVICE_DIED", { what: `${process.name} ended before it was measured`, log });
    },
    async close(): Promise<void> {
      clearInterval(timer);
      await Promise.all([...all].reverse().map((each) => each.stop()));
    },
  };
}
export type Workplace = ReturnType<typeof openWorkplace>;

/** Of all files below a folder; 0 where there is none. */
export async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let sum = 0;
  for (const entry of entries)
    if (entry.isFile())
      sum += await stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      );
  return sum;
}
