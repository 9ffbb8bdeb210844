// Training in one process: the very weights that the parameter server and one trainer on its own come to, new items
// included.
import { expect, test } from "vitest";
import { trainOuterEpoch } from "../../services/server/run/outer-epoch.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Run } from "../../services/server/run/run.ts";
import { permutation } from "../../shared/compute/draws.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { latentOf } from "../../shared/neural/recipe.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { openAlone } from "../../shared/training/alone.ts";
import { inProcess } from "./in-process.ts";

const seed = 5;
const [users, batchSize] = [13, 4];
const rowsOf = (items: number) =>
  Array.from({ length: users }, (_, user) => Int32Array.from(permutation(7, user, items).subarray(0, 2 + (user % 5))));

test.each([
  ["composite", defaults.mixtureWeights],
  ["Gaussian", [1, 0, 0] as [number, number, number]],
])(
  "rounds with the %s prior, and after new items came, leave the server's weights to the last bit",
  async (_, mixtureWeights) => {
    const engine = await openEngine({ threads: 1 });
    const config = recipeOf({ ...defaults, items: 12, hidden: 6, latent: 3, learningRate: 0.01, mixtureWeights });
    const schedule = { ...usualSchedule, batchSize };
    const run: Run = {
      ...{ seed, schedule, partSize: batchSize, step: 0, round: 0 },
      ...openParameters(config, initialise(config, seed)),
      posteriors: new Posteriors(latentOf(config)),
      local: {
        ...{ every: Math.ceil(users / batchSize), costs: {}, trainers: () => 1, now: () => 0 }, // a whole pass
        runsBeside: async () => true,
      },
    };
    const runStep = inProcess(engine, seed, () => {});
    const alone = openAlone(engine, config, seed, undefined, schedule);
    const all = Uint32Array.from({ length: users }, (_, user) => user);
    async function roundOn(items: number): Promise<void> {
      const rows = rowsOf(items);
      await trainOuterEpoch(run, all, (user) => rows[user]!, runStep);
      await alone.round(all, (user) => rows[user]!);
      for (const [name, { shape, data }] of Object.entries(run.store.weights)) {
        expect(alone.weights[name]!.shape, name).toEqual(shape);
        expect([...alone.weights[name]!.data], name).toEqual([...data]);
      }
    }
    await roundOn(12);
    await roundOn(12);
    const popularity = Float64Array.from({ length: 20 }, (_, item) => item % 4);
    run.store.grow(20, popularity, seed);
    alone.grow(20, popularity);
    await roundOn(20);
    alone.dispose();
  },
);
