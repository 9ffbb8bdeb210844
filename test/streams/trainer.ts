// Training in one process for the replay of a stream: what the parameter server's rounds do, without sockets or disk.
import { trainOuterEpoch } from "../../services/server/run/outer-epoch.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Run } from "../../services/server/run/run.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import type { Histories } from "../../shared/events/histories.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import type { Trained } from "../../shared/judging/gains.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { latentOf } from "../../shared/neural/recipe.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { planUsers } from "../../shared/training/plan.ts";
import { inProcess } from "../unit/in-process.ts";

const SEED = 1337;

export interface Size {
  readonly hidden: number;
  readonly latent: number;
  readonly usersPerRound: number;
}

export interface Model extends Trained {
  dispose(): void;
}

/** Each round goes on from the one before, on the histories as they are by then. */
export function openTrainer(engine: Engine, histories: Histories, { hidden, latent, usersPerRound }: Size) {
  const runStep = inProcess(engine, SEED, () => {});
  const planned = new Map<number, number>();
  let run: Run | undefined;
  return async (version: number): Promise<Model> => {
    const items = histories.vocabulary.items.length;
    const popularity = histories.popularity();
    if (!run) {
      const config = recipeOf({ ...defaults, items, hidden, latent, gamma: 0.01 });
      run = {
        ...{ seed: SEED, schedule: usualSchedule, partSize: 250, step: 0, round: 0 },
        ...openParameters(config, initialise(config, SEED)),
        posteriors: new Posteriors(latentOf(config)),
      };
      run.store.startFromPopularity(popularity);
    }
    run.store.grow(items, popularity, SEED);
    const users = [...histories.users.keys()].filter(
      (user) => histories.partOf(user) === "train" && histories.lengthOf(user) > 0,
    );
    const lastVersion = histories.lastVersion.bind(histories);
    const plan = planUsers(
      { users, lastVersion, plannedAt: (user) => planned.get(user) ?? -1 },
      usersPerRound,
      SEED,
      run.round,
    );
    await trainOuterEpoch(run, plan, (user) => histories.rowOf(user, items), runStep);
    for (const user of plan) planned.set(user, version);
    const weights = Object.fromEntries(
      Object.entries(run.store.weights).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
    );
    return {
      ...createScorer(engine, run.store.config, weights),
      version: `round ${run.round}`,
      tableVersion: version,
      vocabulary: new Vocabulary(histories.vocabulary.items),
    };
  };
}
