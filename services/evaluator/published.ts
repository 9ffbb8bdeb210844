// What stands in a published model's metrics.json, and what /status says of the model that `current` names.
import { z } from "zod";
import { readMetrics } from "../../shared/checkpoints/models.ts";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import { figures } from "../../shared/judging/figures.ts";

const record = z.object({
  at: z.number(),
  round: z.number(),
  step: z.number(),
  /** Arrival of the newest event that the model covers, in ms since 1970. */
  watermark: z.number().nullable(),
  metrics: figures.nullable(),
  popularity: figures.nullable(),
});

export type Published = z.output<typeof record> & { readonly version: string };

/** Null before the first publication, and where the record cannot be read. */
export async function readPublished(modelsDir: string): Promise<Published | null> {
  const version = await currentVersion(modelsDir);
  if (version === null) return null;
  const parsed = record.safeParse(await readMetrics(modelsDir, version).catch(() => null));
  return parsed.success ? { version, ...parsed.data } : null;
}
