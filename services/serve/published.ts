// The published model in memory: follows the pointer, opens the new model beside the old one, then changes over between two requests.
import { join } from "node:path";
import type { Engine } from "../../shared/engine/engine.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { currentVersion, readMetrics } from "../../shared/checkpoint/models.ts";
import { openModel } from "../../shared/checkpoint/scoring.ts";
import { type Recommending, recommending } from "./recommender.ts";

export interface PublishedModel {
  /** Throws AppError MODEL_MISSING before the first publication. */
  get(): Recommending;
  readonly version: string | null;
  /** What GET /v1/models/current answers. Throws MODEL_MISSING likewise. */
  about(): object;
  /** Looks at the pointer once; a model that cannot be read is told, and the one in use stays. */
  refresh(): Promise<void>;
}

export function followPublished(engine: Engine, modelsDir: string, log: Log): PublishedModel {
  let inUse: { model: Recommending; about: object; dispose(): void } | undefined;
  let refused: string | undefined;
  const get = () => {
    if (!inUse) throw new AppError("MODEL_MISSING", { what: "no model has been published yet" });
    return inUse;
  };
  return {
    get: () => get().model,
    about: () => get().about,
    get version() {
      return inUse?.model.name ?? null;
    },
    async refresh() {
      const version = await currentVersion(modelsDir);
      if (version !== refused) refused = undefined; // the pointer has moved: gone back to, it gets another chance
      if (version === null || version === inUse?.model.name || version === refused) return;
      try {
        const { manifest, ...opened } = await openModel(engine, join(modelsDir, version));
        const { step, round, tableVersion, watermark, vocabulary, createdAt } = manifest;
        const evaluation = await readMetrics(modelsDir, version).catch(() => null);
        const about = { model: version, step, round, tableVersion, watermark, items: vocabulary.count, createdAt, evaluation };
        const before = inUse;
        inUse = { model: recommending(version, opened), about, dispose: opened.dispose };
        before?.dispose(); // scoring is synchronous: no request is half-way through the old one
        log.info({ version, step, items: vocabulary.count }, "serving");
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        refused = version;
        log.error({ version }, error.message);
      }
    },
  };
}
