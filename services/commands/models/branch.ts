// `models rollback --branch`: a checkpoint made of a published model, newer than all others, from which the parameter
// server goes on when it starts again. It holds the model's weights; Adam begins anew, and everybody's old posterior is
// asked of the model's own encoder (services/server/saving/persistence.ts reads `branchedFrom`).
import { basename, join } from "node:path";
import {
  listCheckpoints,
  loadNeural,
  newestCheckpoint,
  saveCheckpoint,
} from "../../../shared/checkpoints/checkpoints.ts";
import type { ManifestFacts } from "../../../shared/checkpoints/manifest.ts";
import { lock } from "../../../shared/checkpoints/run-lock.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { say } from "../../../shared/runtime/terminal.ts";
import type { NeuralName } from "../../../shared/systems/registry.ts";

export interface Branch {
  readonly checkpoint: string;
  readonly step: number;
  readonly round: number;
}

/**
 * Ready to be saved: no server writes to `out` as long as this process lives. The run's settings are those of its
 * newest checkpoint. Throws ALREADY_RUNNING, CHECKPOINT_MISSING where there is none, CHECKPOINT_CORRUPT,
 * CHECKPOINT_MISMATCH when the run has come to another configuration since.
 */
export async function openBranch(
  modelDir: string,
  version: string,
  out: string,
  signal?: AbortSignal,
): Promise<{ save(): Promise<Branch> }> {
  const root = join(out, "checkpoints");
  const missing = new AppError("CHECKPOINT_MISSING", {
    what: "no checkpoint whose run could go on from the model",
    path: root,
  });
  if ((await listCheckpoints(root)).length === 0) throw missing;
  await lock(out, signal);
  const newest = await newestCheckpoint(root, ({ message }) => say(`passed over a torn checkpoint: ${message}`));
  if (!newest) throw missing;
  const { weights, manifest, vocabulary } = await loadNeural(modelDir);
  mustBeOfRun(
    { ...manifest.config, salt: manifest.salt },
    { ...newest.manifest.config, salt: newest.manifest.salt },
    version,
  );

  // Step and round count on, so that the server takes it for the newest, the evaluator for a new one, and no draw comes
  // twice.
  const step = Number(basename((await listCheckpoints(root)).at(-1)!)) + 1;
  const round = newest.manifest.round + 1;
  const { model, config, salt, tableVersion, watermark } = manifest;
  const facts = {
    model,
    config,
    step,
    round,
    midRound: false,
    seed: newest.manifest.seed,
    salt,
    tableVersion,
    watermark,
    createdAt: Date.now(),
  } as ManifestFacts<NeuralName>;
  const { planned } = newest.state;
  const {
    underWay: _underWay,
    numbering: _numbering,
    progress: _progress,
    ...settings
  } = newest.training as Record<string, unknown>;
  const training = { ...settings, updates: { encoder: 0, decoder: 0 }, branchedFrom: version };
  return {
    save: async () => {
      const contents = { weights, state: planned ? { planned } : {}, training, facts, vocabulary };
      // The others are kept until the server has made newer ones: the way back from the way back.
      return { checkpoint: await saveCheckpoint(root, contents, Number.POSITIVE_INFINITY), step, round };
    },
  };
}

/** `items` may differ: the server adds those that came since. */
function mustBeOfRun(model: Record<string, unknown>, run: Record<string, unknown>, version: string): void {
  const others = Object.keys(run).filter(
    (key) => key !== "items" && JSON.stringify(model[key]) !== JSON.stringify(run[key]),
  );
  if (others.length === 0) return;
  const what = others.map(
    (key) => `${key} was ${JSON.stringify(model[key])} in ${version}, is ${JSON.stringify(run[key])} in the run`,
  );
  throw new AppError("CHECKPOINT_MISMATCH", { what: what.join("; ") });
}
