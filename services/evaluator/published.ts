// What /status says of the model that `current` names: what stands in its metrics.json.
import { readMetrics } from "../../shared/checkpoints/models.ts";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import { type Published, publishedRecord } from "../../shared/health/status/evaluator.ts";

/** Null before the first publication, and where the record cannot be read. */
export async function readPublished(modelsDir: string): Promise<Published | null> {
  const version = await currentVersion(modelsDir);
  if (version === null) return null;
  const parsed = publishedRecord.safeParse(await readMetrics(modelsDir, version).catch(() => null));
  return parsed.success ? { version, ...parsed.data } : null;
}
