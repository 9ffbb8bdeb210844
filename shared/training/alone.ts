// Training in one process: rounds as the parameter server and one trainer that takes steps on its own go through them,
// a pass of the schedule a stint, without a message in between. What `benchmark --stream` trains with.
import type { Engine } from "../compute/engine.ts";
import { joined } from "../compute/pieces.ts";
import { openNetwork, openReplica } from "../neural/open-network.ts";
import {
  biasByPopularity,
  decoderItems,
  decoderOfNewItems,
  embeddingOf,
  groupOf,
  initialise,
  oldShapes,
  type Weights,
} from "../neural/parameters.ts";
import { bagWidth, type Recipe } from "../neural/recipe.ts";
import type { Moved, Stint } from "../neural/replica.ts";
import { outerEpoch, type Schedule, type Step, usualSchedule } from "../neural/schedule.ts";

export interface Alone {
  readonly config: Recipe;
  /** As they are now; a round replaces them and changes none. */
  readonly weights: Weights;
  /** One outer epoch on `users`, an encoder pass or a decoder pass at a time; `breathe` in between. */
  round(users: Uint32Array, rowOf: (user: number) => Int32Array, breathe?: () => Promise<void>): Promise<void>;
  /** Room for new items; `popularity` counts training users by column. */
  grow(items: number, popularity: Float64Array): void;
  dispose(): void;
}

/** Of a model whose trainers can take steps alone, see recipe.ts. `popularity`: what it begins from. */
export function openAlone(
  engine: Engine,
  recipe: Recipe,
  seed: number,
  popularity: Float64Array | undefined,
  schedule: Schedule = usualSchedule,
): Alone {
  const network = openNetwork(engine);
  const replica = openReplica(engine, network, seed);
  let config = recipe;
  let weights: Weights = initialise(config, seed);
  if (popularity) biasByPopularity(weights[decoderItems(config).bias]!.data, 0, popularity);
  let rounds = 0;
  let step = 1; // the server asks the first old encoder in a step of its own

  /** New arrays: whoever holds the weights of before keeps them. */
  function move({ differences, rows }: Moved): void {
    const ways = Object.entries(differences).map(([name, { data }]) => [name, data] as const);
    if (rows) ways.push([embeddingOf(config), rows]);
    const moved = ways.map(([name, way]) => {
      const { shape, data } = weights[name]!;
      return [name, { shape, data: data.map((weight, k) => weight + way[k]!) }] as const;
    });
    weights = { ...weights, ...Object.fromEntries(moved) };
  }

  function stintOf(steps: readonly Step[], rowOf: (user: number) => Int32Array): Stint {
    const keys = Int32Array.from(steps.flatMap(({ users }) => [...users]));
    const rows = Array.from(keys, rowOf);
    const ends = new Int32Array(rows.length);
    rows.forEach((row, k) => {
      ends[k] = (ends[k - 1] ?? 0) + row.length;
    });
    return {
      ...{ config, hidden: weights, decoder: weights, batchSize: keys.length, keys, ends },
      inner: steps.map(({ index, users, dropout }) => ({ step: index, users: users.length, dropout })),
      columns: joined(new Int32Array(ends.at(-1) ?? 0), rows),
      // all of them: Adam moves rows that no user of a step holds, too
      items: Int32Array.from({ length: config.items }, (_, item) => item),
      table: weights[embeddingOf(config)]!.data,
      sectionDone: () => {},
    };
  }

  return {
    get config() {
      return config;
    },
    get weights() {
      return weights;
    },
    async round(users, rowOf, breathe = async () => {}) {
      const before = rounds === 0 ? initialise(config, seed, 1) : weights;
      const old = { weights: Object.fromEntries(oldShapes(config).map(([name]) => [name, before[name]!])) };
      const steps = outerEpoch({ users, seed, epoch: rounds, firstStep: step, schedule });
      for (const pass of new Set(steps.map((each) => each.pass))) {
        const own = steps.filter((each) => each.pass === pass);
        network.take("hidden", config, groupOf(weights, "hidden", config));
        network.take("decoder", config, groupOf(weights, "decoder", config));
        const stint = stintOf(own, rowOf);
        const { phase } = own[0]!;
        move(phase === "decoder" ? replica.decoder(stint, false) : replica.encoder(stint, old, phase === "joint"));
        await breathe();
      }
      step += steps.length;
      rounds++;
    },
    grow(items, popularity) {
      if (items === config.items) return;
      const [first, { weight, bias }] = [embeddingOf(config), decoderItems(config)];
      const fresh = decoderOfNewItems(weights[bias]!.data, config, items, popularity, seed);
      const longer = (name: string, rows: Float32Array, width: number) => ({
        shape: [items, ...weights[name]!.shape.slice(1)],
        data: joined(new Float32Array(items * width), [weights[name]!.data, rows]),
      });
      const width = bagWidth(config);
      weights = {
        ...weights,
        [first]: longer(first, new Float32Array((items - config.items) * width), width),
        [weight]: longer(weight, fresh.weight, weights[weight]!.shape[1]!),
        [bias]: longer(bias, fresh.bias, 1),
      };
      config = { ...config, items };
    },
    dispose() {
      replica.dispose();
      network.dispose();
    },
  };
}
