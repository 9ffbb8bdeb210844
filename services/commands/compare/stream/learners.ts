// Who makes models of a stream while it is played: neural ones that go on from round to round, or begin anew every so
// often, and EASE. Each is asked for a round now and then, and gives a candidate or none.
import type { Engine } from "../../../../shared/compute/engine.ts";
import type { Histories } from "../../../../shared/events/histories.ts";
import { Vocabulary } from "../../../../shared/events/vocabulary.ts";
import type { Trained } from "../../../../shared/judging/gains.ts";
import type { Recipe } from "../../../../shared/neural/recipe.ts";
import { createScorer } from "../../../../shared/neural/scorer.ts";
import { FadingPairs } from "../../../../shared/ranking/fading-pairs.ts";
import type { Met } from "../../../../shared/ranking/newest.ts";
import { finish } from "../../../../shared/runtime/finish.ts";
import { itemScores, weightsOf } from "../../../../shared/systems/item-to-item.ts";
import { type Alone, openAlone } from "../../../../shared/training/alone.ts";
import { planUsers } from "../../../../shared/training/plan.ts";

export interface Candidate extends Trained {
  dispose(): void;
}

export interface Learner {
  /** Hears what came, in its order. */
  hear?(met: readonly Met[]): void;
  /** On all that came up to the end of a version; undefined where nothing is to be published yet. */
  round(version: number, signal: AbortSignal): Promise<Candidate | undefined>;
  dispose(): void;
}

export interface NeuralSettings {
  /** Of so many items. */
  recipe(items: number): Recipe;
  readonly seed: number;
  readonly usersPerRound: number;
  /** Rounds after which it begins anew; undefined: never. */
  readonly roundsOfLife?: number | undefined;
}

/** Each round goes on from the one before, on the histories as they are by then, as the parameter server does. */
export function neuralLearner(engine: Engine, histories: Histories, settings: NeuralSettings): Learner {
  const { recipe, seed, usersPerRound, roundsOfLife } = settings;
  let planned = new Map<number, number>();
  let run: Alone | undefined;
  let round = 0;
  return {
    async round(version, signal) {
      const popularity = histories.popularity();
      if (roundsOfLife !== undefined && round > 0 && round % roundsOfLife === 0) {
        run?.dispose();
        [run, planned] = [undefined, new Map()];
      }
      const items = histories.vocabulary.items.length;
      run ??= openAlone(engine, recipe(items), seed, popularity);
      run.grow(items, popularity);
      const users = trainUsersOf(histories);
      const lastVersion = histories.lastVersion.bind(histories);
      const candidates = { users, lastVersion, plannedAt: (user: number) => planned.get(user) ?? -1 };
      const chosen = planUsers(candidates, usersPerRound, seed, round);
      await run.round(
        chosen,
        (user) => histories.rowOf(user, items),
        async () => signal.throwIfAborted(),
      );
      for (const user of chosen) planned.set(user, version);
      round++;
      // Its first life is the continuous one's. Later ones are published when they are over: before, it knows little.
      if (roundsOfLife !== undefined && round > roundsOfLife && round % roundsOfLife !== 0) return undefined;
      const scorer = createScorer(engine, run.config, run.weights);
      return {
        ...scorer,
        version: `round ${round}`,
        tableVersion: version,
        vocabulary: new Vocabulary(histories.vocabulary.items),
      };
    },
    dispose: () => run?.dispose(),
  };
}

export const trainUsersOf = (histories: Histories): number[] =>
  [...histories.users.keys()].filter((user) => histories.partOf(user) === "train" && histories.lengthOf(user) > 0);

/** Of those that are met most now; of more the inverse would take longer than a round. */
const MOST_ITEMS = 2_000;
/** Of counts that are of some tens of thousands of meetings. */
const LAMBDA = 100;

/** EASE of the items that are met most now, from counts that fade; solved anew in each round. */
export function easeLearner(engine: Engine, histories: Histories): Learner {
  const pairs = new FadingPairs();
  let rounds = 0;
  return {
    hear(met) {
      for (const each of met) pairs.add(each);
    },
    async round(version, signal) {
      const columns = pairs.most(MOST_ITEMS);
      if (columns.length === 0 || !engine.inverse) return undefined;
      const matrix_II = pairs.matrix(columns);
      await finish(weightsOf(engine.inverse, matrix_II, columns.length, LAMBDA), signal);
      const vocabulary = new Vocabulary(Array.from(columns, (column) => histories.vocabulary.items[column]!));
      const scoreBatch = itemScores(matrix_II, columns.length);
      return { scoreBatch, vocabulary, version: `solution ${++rounds}`, tableVersion: version, dispose: () => {} };
    },
    dispose: () => {},
  };
}
