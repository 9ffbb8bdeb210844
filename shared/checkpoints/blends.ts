// Two models on disk to one blend: whether they go together, and what the blend's manifest says. Between
// services/commands/blend/blend.ts and checkpoints.ts.
import { AppError } from "../errors/errors.ts";
import type { Weights } from "../neural/parameters.ts";
import { joinTensors } from "../systems/blend/blend.ts";
import type { Model } from "./checkpoints.ts";
import type { Manifest, ManifestFacts } from "./manifest.ts";
import { WEIGHTS } from "./weights.ts";

type Both<T> = readonly [T, T];

/**
 * Throws CHECKPOINT_MISMATCH where one is a blend itself, or they are of other items, other held-out users or another
 * kind of data.
 */
export function mustGoTogether([first, second]: Both<Model>): void {
  const refuse = (what: string) => new AppError("CHECKPOINT_MISMATCH", { what });
  if ([first, second].some(({ manifest }) => manifest.model === "blend"))
    throw refuse("a blend cannot be part of a blend");
  const differs =
    first.vocabulary.length !== second.vocabulary.length ||
    first.vocabulary.some((item, k) => item !== second.vocabulary[k]);
  if (differs)
    throw refuse(
      `the first model has ${first.vocabulary.length} items, the second ${second.vocabulary.length}, and they are ` +
        "not the same in the same order",
    );
  const [a, b] = [first.manifest, second.manifest];
  if (a.salt !== b.salt)
    throw refuse(`the first model held out users by the salt "${a.salt}", the second by "${b.salt}"`);
  if ((a.tableVersion === null) !== (b.tableVersion === null))
    throw refuse("one model is of a table, the other of a dataset directory");
}

/**
 * Of both models, weights not copied. It stands where the later of them stands: what either has seen, the blend has.
 */
export function blendedModel(both: Both<Model>, weight: number): { weights: Weights; facts: ManifestFacts<"blend"> } {
  const [{ manifest: first }, { manifest: second }] = both;
  const part = ({ model, config, sha256 }: Manifest) => ({
    model,
    config: { ...config },
    sha256: sha256[WEIGHTS] ?? "",
  });
  const later = (a: number | null, b: number | null) => (a === null || b === null ? null : Math.max(a, b));
  return {
    weights: joinTensors([both[0].weights, both[1].weights]),
    facts: {
      model: "blend",
      config: { items: first.config.items, weight, parts: [part(first), part(second)] },
      step: Math.max(first.step, second.step),
      round: Math.max(first.round, second.round),
      seed: first.seed,
      salt: first.salt,
      tableVersion: later(first.tableVersion, second.tableVersion),
      watermark: later(first.watermark, second.watermark),
      createdAt: Date.now(),
    },
  };
}
