// A replica that takes steps on its own: on the device, plain and compiled by XLA, it goes the way that the kernels'
// one goes, draws and dropout included.
import { describe, expect, test } from "vitest";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { roomFor } from "../../shared/neural/graph/run-inputs.ts";
import { openNetwork, openReplica } from "../../shared/neural/open-network.ts";
import { embeddingOf, initialise } from "../../shared/neural/parameters.ts";
import type { Recipe } from "../../shared/neural/recipe.ts";
import type { Moved, Old, Stint } from "../../shared/neural/replica.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { withoutTensorflow } from "./engines.ts";
import { train } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const config = recipeOf({ ...defaults, items: 40, hidden: 12, latent: 5, learningRate: 0.01 });
const seed = 3 * 2 ** 32 + 5;

/** Steps of uneven size over users whose rows are of uneven length; some items nobody has. */
function stintOf(recipe: Recipe, sizes: readonly number[], dropout: boolean, first = 7): Stint {
  const weights = initialise(recipe, 3);
  const users = sizes.reduce((a, b) => a + b);
  const rows = Array.from({ length: users }, (_, user) =>
    [...new Set(Array.from({ length: 1 + (user % 6) }, (_, k) => (7 * user + 3 * k) % 36))].toSorted((a, b) => a - b),
  );
  let end = 0;
  const items = Int32Array.from(new Set(rows.flat())).toSorted();
  const width = weights[embeddingOf(recipe)]!.shape[1]!;
  const table = new Float32Array(items.length * width);
  items.forEach((item, k) => {
    table.set(weights[embeddingOf(recipe)]!.data.subarray(item * width, (item + 1) * width), k * width);
  });
  return {
    config: recipe,
    hidden: weights,
    decoder: weights,
    inner: sizes.map((count, k) => ({ step: first + k, users: count, dropout })),
    batchSize: 2 * users,
    keys: Int32Array.from({ length: users }, (_, user) => 3 * user + 1),
    columns: Int32Array.from(rows.flat()),
    ends: Int32Array.from(rows, (row) => {
      end += row.length;
      return end;
    }),
    items,
    table,
    sectionDone: () => {},
  };
}

const copied = ({ differences, rows, ...losses }: Moved) => ({
  ...losses,
  tensors: {
    ...Object.fromEntries(Object.entries(differences).map(([name, { data }]) => [name, Float32Array.from(data)])),
    ...(rows && { rows: Float32Array.from(rows) }),
  } as Record<string, Float32Array>,
});

function expectAlike(got: Moved, wanted: Moved): void {
  const [a, b] = [copied(got), copied(wanted)];
  expect(Object.keys(a.tensors).toSorted()).toEqual(Object.keys(b.tensors).toSorted());
  expect(a.reconstruction / b.reconstruction).toBeCloseTo(1, 4);
  if (b.kl !== 0) expect(a.kl / b.kl).toBeCloseTo(1, 4);
  for (const [name, data] of Object.entries(b.tensors))
    expect(deviation(a.tensors[name]!, data), name).toBeLessThan(1e-4);
}

const openGraph = (compiled: boolean) => {
  if (compiled) process.env.XLA_FLAGS ??= "--xla_backend_optimization_level=0"; // a quarter of the time, other bits
  const say = (line: string) => {
    if (!line.startsWith("compiling ")) throw new Error(line);
  };
  return openEngine({ wanted: "graph", threads: 1, graphs: { compiled, say } });
};
const replicaOn = (engine: Engine) => {
  const network = openNetwork(engine);
  const weights = initialise(config, 3);
  network.take("hidden", config, weights);
  network.take("decoder", config, weights);
  return openReplica(engine, network, seed);
};
const old: Old = { weights: initialise(config, 9) };

describe.skipIf(withoutTensorflow)("a replica on the graph engine goes where the kernels' goes", () => {
  test.each([
    ["one step", false, [11], true],
    ["more steps than one run holds, the last a smaller one", false, [3, 5, 4, 2, 6, 3, 4, 5, 2, 1], true],
    ["without dropout", false, [6, 5], false],
    ["compiled by XLA, filled up to its sizes", true, [5, 4, 5, 3, 5, 2, 5, 4, 1], true],
  ] as const)("%s", async (_, compiled, sizes, dropout) => {
    const graph = replicaOn(await openGraph(compiled));
    const kernels = replicaOn(await openEngine({ wanted: "tensorflow", threads: 1 }));
    const stint = stintOf(config, sizes, dropout);
    for (const joint of compiled ? [false] : [false, true]) {
      expectAlike(graph.encoder(stint, old, joint), kernels.encoder(stint, old, joint));
      if (!compiled) expectAlike(graph.decoder(stint, false), kernels.decoder(stint, false));
    }
    graph.dispose();
    kernels.dispose();
  });

  test("from epoch to epoch: the old encoder is the newest that was sent", async () => {
    const graph = replicaOn(await openGraph(false));
    const kernels = replicaOn(await openEngine({ wanted: "tensorflow", threads: 1 }));
    const stint = stintOf({ ...config, regulariser: { ...config.regulariser, gamma: 1 } as never }, [5, 4], true);
    for (const copy of [9, 11, 12]) {
      const weights: Old = { weights: initialise(config, copy) };
      expectAlike(graph.encoder(stint, weights, false), kernels.encoder(stint, weights, false));
    }
    graph.dispose();
    kernels.dispose();
  });

  test("over a catalogue that grows: moments stay, those of new items begin at 0", async () => {
    const graph = replicaOn(await openGraph(false));
    const kernels = replicaOn(await openEngine({ wanted: "tensorflow", threads: 1 }));
    for (const items of [40, 47]) {
      const stint = stintOf({ ...config, items }, [5, 4], true);
      const before: Old = { weights: initialise({ ...config, items }, 9) };
      expectAlike(graph.encoder(stint, before, true), kernels.encoder(stint, before, true));
    }
    graph.dispose();
    kernels.dispose();
  });

  test("names the step whose loss is no finite number", async () => {
    const graph = replicaOn(await openGraph(false));
    const stint = stintOf(config, [4, 4, 4], true);
    const user = 4; // of the second step
    const item = stint.columns[stint.ends[user - 1]!]!;
    const table = Float32Array.from(stint.table);
    table[stint.items.indexOf(item) * 12] = Number.NaN;
    const alone = stint.columns.subarray(0, stint.ends[3]).includes(item) ? 7 : 8;
    expect(graph.encoder({ ...stint, table }, old, false).notFinite).toBe(alone);
    graph.dispose();
  });
});

test("rooms for lists are few, and at most an eighth too long", () => {
  const rooms = new Set(Array.from({ length: 70_000 - 1024 }, (_, k) => roomFor(1024 + k, 1024)));
  expect(rooms.size).toBeLessThan(56);
  for (let count = 1; count < 70_000; count += 7) {
    const room = roomFor(count, 1024);
    expect(room).toBeGreaterThanOrEqual(count);
    if (count > 1024) expect(room / count).toBeLessThanOrEqual(1.125);
  }
});

describe.skipIf(withoutTensorflow)("a run in local mode on replicas", () => {
  const rows = Array.from({ length: 23 }, (_, user) =>
    Int32Array.from(new Set(Array.from({ length: 2 + (user % 5) }, (_, k) => (7 * user + 3 * k) % 40))).toSorted(),
  );
  const weightsOf = async (wanted: "graph" | "tensorflow", trainers: number) => {
    const engine = await openEngine({ wanted, threads: 1, graphs: { compiled: false } });
    const run = await train(engine, {
      ...{ config, rows, seed: 5, epochs: 2, schedule: { batchSize: 4 }, partSize: 4 },
      local: { every: 3, trainers, areResident: true },
    });
    expect(run.posteriors.pieces()).toHaveLength(0);
    return Object.values(run.store.weights).flatMap(({ data }) => [...data]);
  };

  test.each([1, 2])("%i of them end where those of the kernels end, who may come into such a run", async (trainers) => {
    expect(deviation(await weightsOf("graph", trainers), await weightsOf("tensorflow", trainers))).toBeLessThan(1e-3);
  });
});
