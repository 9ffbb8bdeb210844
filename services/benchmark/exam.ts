// The one test of a chosen model: `tributary evaluate` into a file of every test user's figures, which stays. Nothing here is known while models are tuned.
import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { readPerUser } from "../../shared/evaluations/per-user.ts";
import type { Until } from "../../shared/runtime/lifecycle.ts";
import { spawnService } from "../../shared/runtime/spawn.ts";
import { folderOf } from "./ledger.ts";
import { errorIn } from "./verdict.ts";

/** As in the paper's tables. */
export const metrics = ["recall@20", "recall@50", "ndcg@100"] as const;
export type Metric = (typeof metrics)[number];

/** Value k of each metric is user k's; users without a target are left out. */
export interface Exam {
  readonly users: readonly string[];
  readonly metrics: Readonly<Record<Metric, Float64Array>>;
}

/** Why it failed, in words, where it did. Throws the signal's reason when the benchmark is asked to stop. */
export async function examine(id: string, { out, data, until }: { out: string; data: string; until: Until }): Promise<Exam | string> {
  const dir = folderOf(out, id);
  const path = join(dir, "test.parquet");
  if (!existsSync(path)) {
    const [partial, log] = [`${path}.partial`, join(dir, "test-log.txt")];
    const args = ["--checkpoint", dir, "--data", data, "--no-ease", "--k", "20,50,100", "--per-user", partial];
    const spawned = spawnService("evaluate", args, { log, threads: 1 });
    const stop = () => void spawned.stop();
    until.signal.addEventListener("abort", stop, { once: true });
    const code = await spawned.exited;
    until.signal.removeEventListener("abort", stop);
    until.signal.throwIfAborted();
    if (code !== 0) return errorIn(await readFile(log, "utf8"));
    await rename(partial, path);
  }
  return withTarget(await readPerUser(path, { part: "test", scorer: "model" }, metrics));
}

function withTarget({ users, metrics: figures }: Exam): Exam {
  const has = users.map((_, k) => !Number.isNaN(figures["ndcg@100"][k]!));
  const kept = (metric: Metric) => figures[metric].filter((_, k) => has[k]);
  return {
    users: users.filter((_, k) => has[k]),
    metrics: { "recall@20": kept("recall@20"), "recall@50": kept("recall@50"), "ndcg@100": kept("ndcg@100") },
  };
}
