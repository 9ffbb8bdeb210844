// What a benchmark has on disk: the settings that it was begun with, and each trial's folder with its model, its own
// report and what became of it. A resumed benchmark starts from here.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../../shared/disk/whole-file.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import type { Subject } from "./data-set.ts";
import type { Plan, Trial, Tried } from "./plan.ts";

/** Of a trial's report, all but its test: what has not been read cannot decide. */
const trainedSchema = z.object({
  engine: z.string().optional(),
  wallSeconds: z.number(),
  epochs: z
    .array(
      z.object({ epoch: z.number(), seconds: z.number(), validation: z.object({ "ndcg@100": z.number().nullable() }) }),
    )
    .default([]),
  best: z.object({ epoch: z.number().optional(), validation: z.object({ "ndcg@100": z.number().nullable() }) }),
  settings: z.record(z.string(), z.unknown()).optional(),
  parameters: z.number().optional(),
  /** Null where the system does not tell. */
  peakMemoryBytes: z.number().nullish(),
});
export type Trained = z.output<typeof trainedSchema>;

const attemptSchema = z.object({
  /** Of its process, all attempts together. */
  seconds: z.number(),
  /** `interrupted`: to be gone on with. */
  outcome: z.enum(["done", "failed", "stopped", "interrupted"]),
  /** Why there is no model, for people. */
  why: z.string().nullable(),
});
export type Attempt = z.output<typeof attemptSchema>;

export type Result = Tried & Attempt & { readonly trained: Trained | null };

const settingsSchema = z.object({
  format: z.literal(1),
  data: z.object({ dir: z.string(), sha256: z.string() }),
  seeds: z.array(z.number()),
  budgetSeconds: z.number(),
  /** The grid of each row: all flags of every point. */
  grids: z.record(z.string(), z.array(z.array(z.string()))),
});
type Settings = z.output<typeof settingsSchema>;

export const folderOf = (out: string, id: string) => join(out, "trials", id);
const attemptFile = (out: string, id: string) => join(folderOf(out, id), "trial.json");

/** Rows may be added to a benchmark; what is there must have been begun in the same way. Throws BENCHMARK_MISMATCH. */
export async function agree(out: string, plan: Plan, subject: Subject): Promise<void> {
  const path = join(out, "benchmark.json");
  const before = await readJson(path, settingsSchema);
  const grids = Object.fromEntries(
    plan.entries.map(({ id, flags, settings }) => [id, settings.map((setting) => [...flags, ...setting.flags])]),
  );
  const now = { format: 1 as const, data: { dir: subject.dir, sha256: subject.sha256 }, ...budgetOf(plan), grids };
  const what = before && differenceOf(before, now);
  if (what) throw new AppError("BENCHMARK_MISMATCH", { what, path });
  await writeWhole(path, `${JSON.stringify({ ...now, grids: { ...before?.grids, ...grids } }, null, 2)}\n`);
}

const budgetOf = ({ seeds, budgetSeconds }: Plan) => ({ seeds: [...seeds], budgetSeconds });

/** The first setting that is not what it was, in words. */
function differenceOf(before: Settings, now: Settings): string | undefined {
  if (before.data.sha256 !== now.data.sha256)
    return `begun with the data of ${before.data.dir}, and ${now.data.dir} holds other rows`;
  if (before.budgetSeconds !== now.budgetSeconds)
    return `begun with --budget ${before.budgetSeconds}s, not ${now.budgetSeconds}s`;
  if (before.seeds.length !== now.seeds.length)
    return `begun with --seeds ${before.seeds.length}, not ${now.seeds.length}`;
  const changed = Object.keys(now.grids).find(
    (id) => before.grids[id] && JSON.stringify(before.grids[id]) !== JSON.stringify(now.grids[id]),
  );
  return changed && `begun with another grid for ${changed}`;
}

/**
 * What became of a trial; undefined where it is to be run, or gone on with. Only a whole report counts as done.
 * `isRetried`: a trial that failed in an earlier run is tried again, since what it failed of may have been mended.
 */
export async function resultOf(out: string, id: string, isRetried: boolean): Promise<Result | undefined> {
  const [attempt, trained] = [await attemptOf(out, id), await trainedOf(out, id)];
  if (attempt && (attempt.outcome === "stopped" || (attempt.outcome === "failed" && !isRetried)))
    return { ...attempt, validation: null, trained: trained ?? null };
  const validation = trained?.best.validation["ndcg@100"] ?? null;
  if (!trained || validation === null) return undefined;
  const seconds = Math.max(attempt?.seconds ?? 0, trained.wallSeconds);
  return { seconds, outcome: "done", why: null, validation, trained };
}

export const trainedOf = (out: string, id: string): Promise<Trained | undefined> =>
  readJson(join(folderOf(out, id), "report.json"), trainedSchema);

export const attemptOf = (out: string, id: string): Promise<Attempt | undefined> =>
  readJson(attemptFile(out, id), attemptSchema);

export async function record({ id }: Trial, out: string, attempt: Attempt): Promise<void> {
  await writeWhole(attemptFile(out, id), `${JSON.stringify(attempt, null, 2)}\n`);
}

/** Undefined where there is no file, or none of this shape: a torn one is as good as none. */
async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
