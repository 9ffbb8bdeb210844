// Times what one trainer and the server compute for one part of a step, on the engine that this machine really has. No
// wire: arithmetic alone.
import { gaussian } from "../../../shared/compute/draws.ts";
import { Kernels } from "../../../shared/compute/kernels/kernels.ts";
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { normalisedRow } from "../../../shared/neural/bag.ts";
import { uploadDecoder } from "../../../shared/neural/decoder.ts";
import { uploadHidden } from "../../../shared/neural/hidden.ts";
import { embeddingName, initialise } from "../../../shared/neural/parameters.ts";
import { decoderPart, encoderPart, posterior } from "../../../shared/neural/steps.ts";
import { defaults, recipeOf } from "../../../shared/systems/recvae/settings.ts";
import { type Figure, gemmRate, median } from "./figures.ts";
import { longTailedRow } from "./rows.ts";

const SEED = 1337;

export async function engineFigures(size: {
  items: number;
  users: number;
  perUser: number;
  threads: number;
}): Promise<{ engine: string; device: string; figures: Figure[] }> {
  const engine = await openEngine({ threads: size.threads });
  const config = recipeOf({ ...defaults, items: size.items });
  const { hidden: width, latent } = defaults;
  const weights = initialise(config, SEED);
  const kernels = new Kernels(size.threads);
  const { memory } = kernels;
  const table = {
    weights: memory.place(weights[embeddingName]!.data),
    m: memory.floats(size.items * width),
    v: memory.floats(size.items * width),
  };
  const hidden = uploadHidden(engine, config, weights);
  const decoder = uploadDecoder(engine, weights);

  const rows = Array.from({ length: size.users }, (_, user) => longTailedRow(user, size.perUser, size.items));
  const values = rows.map((row) => normalisedRow(row));
  const users = { rows, values };
  const bag_BH = kernels.bag(table.weights, width, users);
  const noise_BL = gaussian(SEED, 0, 0, size.users * latent);
  const old = posterior(engine, hidden, bag_BH);
  const part = { bag_BH, rows, noise_BL, batchSize: size.users };
  const dBags = memory.place(bag_BH);
  const rate = { t: 1, learningRate: config.learningRate };

  const atPaperSize = size.items === 20_108 && size.users === 250 && size.perUser === 86 && size.threads === 1;
  const ms = (name: string, limit: number | undefined, body: () => void): Figure => ({
    name,
    value: median(() => body()),
    unit: "ms",
    ...(limit !== undefined && atPaperSize ? { limit: { is: "at most", value: limit } } : {}),
  });
  const figures: Figure[] = [
    { name: "matrix product, 2048 x 2048 x 2048", value: gemmRate(engine), unit: "GFLOP/s" },
    ms(`encoder part, ${size.users} users`, 130, () => encoderPart(engine, hidden, decoder, { ...part, old })),
    ms(`decoder part, ${size.users} users`, 66, () => decoderPart(engine, hidden, decoder, part)),
    ms("first layer forward (server)", undefined, () => kernels.bag(table.weights, width, users)),
    ms("first layer backward and Adam (server)", 64, () => kernels.adamOfBags(table, width, dBags, users, rate)),
  ];
  return {
    engine:
      `${engine.name} ${engine.version} on ${engine.device}, ${engine.threads} thread(s), ${size.items} items, ` +
      `${size.perUser} items a user`,
    device: engine.device,
    figures,
  };
}
