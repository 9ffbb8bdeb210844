// Keeps the table in shape beside the flow: `compact` when small files have gathered, `vacuum` now and then. Each is a
// process of its own, of low priority.
import { setPriority } from "node:os";
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { type Spawned, spawnService } from "../../shared/runtime/spawn.ts";

export interface Upkeep {
  /** What runs now; null for nothing. */
  readonly running: Task | null;
  /**
   * After each commit: `due` when small files have gathered, `ours` when this process is the one that cares, of all
   * that write into the table.
   */
  look(due: boolean, ours: boolean): void;
  stop(): Promise<void>;
}

export interface UpkeepSettings {
  readonly tableDir: string;
  readonly deadLettersDir: string;
  readonly dataDir: string;
  /** Age from which vacuum deletes. */
  readonly retentionMs: number;
}

type Task = NonNullable<IngestStatus["upkeep"]>;

const LEAST_BETWEEN_MS: Readonly<Record<Task, number>> = { compact: 20_000, vacuum: 3_600_000 };
/** A restart must not be a way to vacuum more often than needed, nor a reason not to. */
const FIRST_VACUUM_MS = 600_000;
const LOW_PRIORITY = 10;

export function createUpkeep(
  { tableDir, deadLettersDir, dataDir, retentionMs }: UpkeepSettings,
  metrics: Metrics,
  log: Log,
): Upkeep {
  const runs = metrics.counter("tributary_upkeep_total");
  const notBefore: Record<Task, number> = { compact: 0, vacuum: performance.now() + FIRST_VACUUM_MS };
  const where = ["--table", tableDir, "--data-dir", dataDir];
  const args: Readonly<Record<Task, readonly string[]>> = {
    compact: where,
    vacuum: [...where, "--dead-letters", deadLettersDir, "--retention", `${retentionMs / 3_600_000}h`],
  };
  let running: { task: Task; process: Spawned } | null = null;
  let stopping = false;

  function start(task: Task): void {
    notBefore[task] = performance.now() + LEAST_BETWEEN_MS[task];
    const process = spawnService(task, args[task], { quiet: true });
    if (process.child.pid !== undefined) setPriority(process.child.pid, LOW_PRIORITY);
    running = { task, process };
    void process.exited.then((code) => {
      running = null;
      runs.inc({ task, outcome: code === 0 ? "done" : "failed" });
      if (code !== 0 && !stopping) log.warn({ task, code }, "upkeep of the table failed; it is tried again later");
    });
  }

  return {
    get running() {
      return running?.task ?? null;
    },
    look: (due, ours) => {
      if (!ours || running || stopping) return;
      const now = performance.now();
      if (due && now >= notBefore.compact) start("compact");
      else if (now >= notBefore.vacuum) start("vacuum");
    },
    stop: async () => {
      stopping = true;
      await running?.process.stop();
    },
  };
}
