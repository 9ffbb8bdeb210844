// Two published models on disk, small and real, the newer one better: for the page's table of models.
import { join } from "node:path";
import { saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

/** Their versions; the second one is current. */
export async function publishTwo(dataDir: string): Promise<[older: string, newer: string]> {
  const { models, training } = pathsOf(dataDir);
  const publishOne = async (round: number) => {
    const settings = { ...defaults, items: 12, hidden: 6, latent: 4 };
    const config = recipeOf(settings);
    const checkpoint = join(training, "made", String(round));
    const facts = {
      config: settings,
      step: 280 * round,
      round,
      seed: 7,
      salt: "s",
      tableVersion: 3,
      watermark: 1000,
      createdAt: 2000,
    };
    const items = Array.from({ length: 12 }, (_, k) => `i${k}`);
    await saveModel(checkpoint, initialise(config, round), facts, items);
    const metrics = { "ndcg@100": 0.2 + 0.1 * round, "ndcg@100:se": 0.004 };
    return (await publish(models, checkpoint, {
      at: 1_700_000_000_000 + round,
      metrics,
      popularity: { "ndcg@100": 0.211 },
    }))!;
  };
  return [await publishOne(1), await publishOne(2)];
}
