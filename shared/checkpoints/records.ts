// What stands in a published version's manifest and metrics, read with tolerance: a version that cannot be read is
// listed too, with the reason.
import { AppError } from "../errors/errors.ts";
import { passes } from "../errors/os-errors.ts";
import type { Manifest } from "./manifest.ts";
import { listModels, manifestOf, parentOf, readMetrics } from "./models.ts";
import { currentVersion } from "./pointer.ts";
import { unknown } from "./versions.ts";

export interface ModelRecord {
  readonly version: string;
  readonly manifest: Manifest;
  /** What the evaluator wrote when it published it; null where that cannot be read. */
  readonly metrics: unknown;
}

export interface Unreadable {
  readonly version: string;
  readonly problem: string;
}

/** Every version, oldest first. */
export async function recordsOf(modelsDir: string): Promise<(ModelRecord | Unreadable)[]> {
  const records: (ModelRecord | Unreadable)[] = [];
  for (const version of await listModels(modelsDir)) {
    records.push(
      await readRecord(modelsDir, version).catch((error) => {
        if (!(error instanceof AppError) || passes(error)) throw error;
        return { version, problem: String(error.facts.what) };
      }),
    );
  }
  return records;
}

/** Throws MODEL_UNKNOWN, MODEL_MISSING where nothing has been published, CHECKPOINT_CORRUPT. */
export async function recordOf(modelsDir: string, name: string): Promise<ModelRecord> {
  return readRecord(modelsDir, await mustExist(modelsDir, name));
}

/** Of a version that is listed. */
async function readRecord(modelsDir: string, version: string): Promise<ModelRecord> {
  const manifest = await manifestOf(modelsDir, version);
  const metrics = await readMetrics(modelsDir, version).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof SyntaxError || error.code === "ENOENT") return null;
    throw error;
  });
  return { version, manifest, metrics };
}

/** The version named, or the current one. Throws MODEL_UNKNOWN, MODEL_MISSING. */
export async function currentOr(modelsDir: string, name: string | undefined): Promise<string> {
  return mustExist(modelsDir, name ?? (await currentVersion(modelsDir)));
}

/** The version named, or the one that was current before the current one. Throws MODEL_UNKNOWN, MODEL_MISSING. */
export async function parentOr(modelsDir: string, name: string | undefined): Promise<string> {
  if (name !== undefined) return mustExist(modelsDir, name);
  const current = await currentOr(modelsDir, undefined);
  const parent = await parentOf(modelsDir, current);
  if (parent === null)
    throw new AppError("MODEL_UNKNOWN", { what: `${current} has no parent to go back to`, path: modelsDir });
  return mustExist(modelsDir, parent);
}

/** People write 7 and v7 for v000007. */
async function mustExist(modelsDir: string, name: string | null): Promise<string> {
  const versions = await listModels(modelsDir);
  if (name === null || versions.length === 0)
    throw new AppError("MODEL_MISSING", { what: "no model has been published yet", path: modelsDir });
  const version = name.replace(/^v?(\d+)$/, (_, digits: string) => `v${digits.replace(/^0+/, "").padStart(6, "0")}`);
  if (!versions.includes(version)) throw unknown(modelsDir, name);
  return version;
}
