// The published model in memory: follows the pointer, opens the new model beside the old one, then changes over between
// two requests.
import { join } from "node:path";
import { modelFolder, readMetrics } from "../../shared/checkpoints/models.ts";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import { openWithVectors } from "../../shared/checkpoints/scoring.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { passes } from "../../shared/errors/os-errors.ts";
import type { Vocabulary } from "../../shared/events/vocabulary.ts";
import type { Moving } from "../../shared/ranking/trending.ts";
import { type Recommending, recommending } from "../../shared/recommending/recommender.ts";
import type { ModelAnswer } from "../../shared/recommending/requests.ts";
import { isInStore } from "../../shared/runtime/location.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { standingOf } from "./standing.ts";

export interface PublishedModel {
  /** Throws AppError MODEL_MISSING before the first publication. */
  get(): Recommending;
  readonly version: string | null;
  /** Its own items; undefined before the first publication. */
  readonly vocabulary: Vocabulary | undefined;
  /** Whether it has a column for the item; true before the first publication. */
  knows(item: string): boolean;
  /** What GET /v1/models/current answers. Throws MODEL_MISSING likewise. */
  about(): ModelAnswer;
  /** Looks at the pointer once; a model that cannot be read is told, and the one in use stays. */
  refresh(): Promise<void>;
}

/** `moving`: what is hot now, for models that are published with a mix. */
export function followPublished(engine: Engine, modelsDir: string, log: Log, moving?: () => Moving): PublishedModel {
  let inUse: { model: Recommending; vocabulary: Vocabulary; about: ModelAnswer; dispose(): void } | undefined;
  /**
   * What could not be read, as its files stood: it is tried again when they change, or when the pointer was elsewhere
   * in between.
   */
  let refused: string | undefined;
  const get = () => {
    if (!inUse) throw new AppError("MODEL_MISSING", { what: "no model has been published yet" });
    return inUse;
  };
  async function change(version: string): Promise<void> {
    const { manifest, ...opened } = await openWithVectors(engine, await modelFolder(modelsDir, version));
    const { step, round, tableVersion, watermark, vocabulary, createdAt } = manifest;
    const evaluation = await readMetrics(modelsDir, version).catch(() => null);
    const about = {
      model: version,
      step,
      round,
      tableVersion,
      watermark,
      items: vocabulary.count,
      createdAt,
      evaluation,
    };
    opened.scoreBatch([Int32Array.of(0)]); // what is made at first use is not made at a client's cost
    const before = inUse;
    const model = recommending(version, opened, manifest.trends && moving && { mix: manifest.trends, moving });
    inUse = { model, vocabulary: opened.vocabulary, about, dispose: opened.dispose };
    before?.dispose(); // scoring is synchronous: no request is half-way through the old one
    log.info({ version, step, items: vocabulary.count }, "serving");
  }
  return {
    get: () => get().model,
    about: () => get().about,
    knows: (item) => inUse === undefined || inUse.vocabulary.column(item) !== undefined,
    get version() {
      return inUse?.model.name ?? null;
    },
    get vocabulary() {
      return inUse?.vocabulary;
    },
    async refresh() {
      const version = await currentVersion(modelsDir);
      if (version === null) return;
      if (version === inUse?.model.name) {
        refused = undefined; // gone back from, it gets another chance
        return;
      }
      const candidate = await standing(modelsDir, version);
      if (candidate === refused) return;
      try {
        await change(version);
        refused = undefined;
      } catch (error) {
        if (!(error instanceof AppError) || passes(error)) throw error; // tried again at the next look
        refused = candidate;
        log.error({ version }, error.message);
      }
    },
  };
}

/** A version and how its files stand: another text once one of them was replaced or written to. */
async function standing(modelsDir: string, version: string): Promise<string> {
  if (isInStore(modelsDir)) return version; // its files never change
  const files = ["manifest.json", "model.safetensors", "vocabulary.json"].map((name) => join(modelsDir, version, name));
  const stood = await Promise.all(files.map((file) => standingOf(file).catch(() => "missing")));
  return [version, ...stood].join(", ");
}
