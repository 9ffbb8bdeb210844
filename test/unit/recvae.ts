// The pieces of a training step put together as server and trainer do: bag, part on the engine, gradient of the bag,
// Adam. For the tests of the model.
import type { Updater } from "../../services/server/run/updater.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { Kernels } from "../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../shared/compute/kernels/lists.ts";
import { normalisedRow } from "../../shared/neural/bag.ts";
import type { Network, Posterior } from "../../shared/neural/network.ts";
import { openNetwork } from "../../shared/neural/open-network.ts";
import { embeddingName, groupOf, type Weights } from "../../shared/neural/parameters.ts";
import { bagWidth, latentOf, type Recipe } from "../../shared/neural/recipe.ts";
import { modelConfig, recipeOf } from "../../shared/systems/recvae/settings.ts";

export interface Batch {
  readonly rows: readonly Int32Array[];
  /** Values of each user's items after norm and dropout. */
  readonly values: readonly Float32Array[];
  readonly noise_BL: Float32Array;
}

export interface Gradients {
  /** Of the whole step, the first layer's included. */
  readonly gradients: Weights;
  readonly reconstruction: number;
  readonly kl: number;
  /** Moves the weights by this step, as the server does. */
  apply(updater: Updater): void;
}

/** For the tests' own sums; a step's are made by the store's. */
const kernels = new Kernels();

/** Weighted sums of a table's rows, as server and scorer make them. */
export function bagOf(
  table: Float32Array,
  width: number,
  rows: readonly Int32Array[],
  values: readonly Float32Array[],
): Float32Array {
  return kernels.memory.borrowed(() => kernels.bag(kernels.memory.place(table), width, { rows, values }));
}

/** One for each recipe on each engine, which takes weights anew as a trainer's does. */
const networks = new Map<Engine, Map<string, Network>>();

/** Both groups on an engine. */
export function networkOf(engine: Engine, config: Recipe, weights: Weights): Network {
  const network = withHidden(engine, config, weights);
  network.take("decoder", config, groupOf(weights, "decoder", config));
  return network;
}

function withHidden(engine: Engine, config: Recipe, weights: Weights): Network {
  const [onEngine, key] = [networks.get(engine) ?? new Map<string, Network>(), JSON.stringify(config)];
  const network = onEngine.get(key) ?? openNetwork(engine);
  networks.set(engine, onEngine.set(key, network));
  network.take("hidden", config, weights);
  return network;
}

/** The encoder step cut into `parts` parts, whose contributions are added up; or the joint one. */
export function encoderStep(
  engine: Engine,
  config: Recipe,
  weights: Weights,
  old: Posterior,
  batch: Batch,
  { parts = 1, joint = false } = {},
): Gradients {
  const [width, latent] = [bagWidth(config), latentOf(config)];
  const embedding = weights[embeddingName]!;
  const network = networkOf(engine, config, weights);
  const total: Weights = {};
  const received: { tensors: Weights }[] = [];
  let [reconstruction, kl] = [0, 0];
  for (const [from, to] of cuts(batch.rows.length, parts)) {
    const [rows, values] = [batch.rows.slice(from, to), batch.values.slice(from, to)];
    const some = (array: Float32Array) => array.subarray(from * latent, to * latent);
    const input = {
      bag_BH: bagOf(embedding.data, width, rows, values),
      rows,
      old: { mu_BL: some(old.mu_BL), logvar_BL: some(old.logvar_BL) },
      noise_BL: some(batch.noise_BL),
      batchSize: batch.rows.length,
    };
    const part = network.encoder(input, joint);
    add(total, part.gradients);
    received.push({ tensors: { ...part.gradients, dBag: { shape: [to - from, width], data: part.dBag_BH } } });
    reconstruction += part.reconstruction;
    kl += part.kl;
  }
  const dBags = Float32Array.from(received.flatMap(({ tensors }) => [...tensors.dBag!.data]));
  total[embeddingName] = { shape: embedding.shape, data: gradientOfTable(embedding.shape, dBags, batch) };
  return {
    gradients: total,
    reconstruction,
    kl,
    apply: (updater) => updater.step(joint ? "joint" : "encoder", received, batch, 0),
  };
}

/** The gradient of a row of the table is the sum of the gradients of the bags that it stands in. */
function gradientOfTable([items, width]: number[], dBags: Float32Array, { rows, values }: SparseRows): Float32Array {
  const holders = Array.from({ length: items! }, (_, item) =>
    rows.flatMap((row, user) =>
      [...row.keys()].filter((k) => row[k] === item).map((k) => ({ user, value: values[user]![k]! })),
    ),
  );
  return bagOf(
    dBags,
    width!,
    holders.map((each) => Int32Array.from(each, ({ user }) => user)),
    holders.map((each) => Float32Array.from(each, ({ value }) => value)),
  );
}

/** The decoder step; rows without dropout. */
export function decoderStep(
  engine: Engine,
  config: Recipe,
  weights: Weights,
  batch: Batch,
  parts = 1,
): Gradients & Posterior {
  const [width, latent] = [bagWidth(config), latentOf(config)];
  const network = networkOf(engine, config, weights);
  const total: Weights = {};
  const received: { tensors: Weights }[] = [];
  const known = { mu_BL: new Float32Array(batch.noise_BL.length), logvar_BL: new Float32Array(batch.noise_BL.length) };
  let reconstruction = 0;
  for (const [from, to] of cuts(batch.rows.length, parts)) {
    const rows = batch.rows.slice(from, to);
    const part = network.decoder({
      bag_BH: bagOf(weights[embeddingName]!.data, width, rows, batch.values.slice(from, to)),
      rows,
      noise_BL: batch.noise_BL.subarray(from * latent, to * latent),
      batchSize: batch.rows.length,
    });
    add(total, part.gradients);
    received.push({ tensors: part.gradients });
    known.mu_BL.set(part.posterior!.mu_BL, from * latent);
    known.logvar_BL.set(part.posterior!.logvar_BL, from * latent);
    reconstruction += part.reconstruction;
  }
  return {
    gradients: total,
    reconstruction,
    kl: 0,
    ...known,
    apply: (updater) => updater.step("decoder", received, batch, 0),
  };
}

/** Posteriors of whole rows, no dropout. */
export function posteriors(engine: Engine, config: Recipe, weights: Weights, rows: readonly Int32Array[]): Posterior {
  const network = withHidden(engine, config, weights);
  const bag_BH = bagOf(
    weights[embeddingName]!.data,
    bagWidth(config),
    rows,
    rows.map((row) => normalisedRow(row)),
  );
  return network.posterior(bag_BH);
}

/** Whole rows with the values that dropout leaves: `kept` lists the items that stay. */
export function valuesOf(
  rows: readonly Int32Array[],
  kept: readonly (readonly number[])[],
  rate: number,
): Float32Array[] {
  return rows.map((row, user) =>
    normalisedRow(
      row,
      Uint8Array.from(row, (item) => (kept[user]!.includes(item) ? 1 : 0)),
      rate,
    ),
  );
}

/**
 * Largest difference, relative to the number itself plus a tenth of the tensor's largest. NaN anywhere, or another
 * length, is infinitely wrong.
 */
export function deviation(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let k = 0; k < expected.length; k++) largest = Math.max(largest, Math.abs(expected[k]!));
  let worst = 0;
  for (let k = 0; k < expected.length; k++) {
    const off = Math.abs(actual[k]! - expected[k]!) / (Math.abs(expected[k]!) + largest / 10 || 1);
    if (!(off <= worst)) worst = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
  }
  return worst;
}

/** A fixture's config: either KL weight may be absent, training settings beside it are not the model's. */
export function configOf(raw: object): Recipe {
  const known = Object.entries(raw).filter(([name]) => name in modelConfig.shape);
  return recipeOf(modelConfig.parse({ gamma: null, beta: null, ...Object.fromEntries(known) }));
}

function add(total: Weights, gradients: Weights): void {
  for (const [name, { shape, data }] of Object.entries(gradients)) {
    total[name] ??= { shape, data: new Float32Array(data.length) };
    const sum = total[name].data;
    for (let k = 0; k < data.length; k++) sum[k]! += data[k]!;
  }
}

function cuts(users: number, parts: number): [from: number, to: number][] {
  return Array.from({ length: parts }, (_, k) => [
    Math.floor((k * users) / parts),
    Math.floor(((k + 1) * users) / parts),
  ]);
}
