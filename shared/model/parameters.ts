// The weights of RecVAE as typed arrays: names, shapes, groups, first values, growth of the vocabulary. Shapes: I items, H hidden, L latent.
import type { ModelConfig } from "./config.ts";
import { uniform } from "./draws.ts";

export interface Tensor {
  shape: number[];
  data: Float32Array;
  /** Where a tensor lies in several memories: its parts, in order. `data` is then a copy, made at every look: large, so look at the pieces. */
  readonly pieces?: readonly Float32Array[] | undefined;
}
export type Weights = Record<string, Tensor>;

/** `embedding` stays with the server; `hidden` and `decoder` travel to the trainers. */
export type Group = "embedding" | "hidden" | "decoder";

/** Everything that a prediction follows from. */
export const groups: readonly Group[] = ["embedding", "hidden", "decoder"];

/** In memory `[I, H]`, one row per item, the transpose of PyTorch's; checkpoint.ts turns it. */
export const embeddingName = "encoder.fc1.weight";
const hiddenLayers = [1, 2, 3, 4, 5] as const;

/** Shape of every tensor of a group, in a fixed order, under PyTorch's names. */
export function shapesOf(group: Group, { items, hidden, latent }: ModelConfig): [name: string, shape: number[]][] {
  if (group === "embedding") return [[embeddingName, [items, hidden]]];
  if (group === "decoder") {
    return [
      ["decoder.weight", [items, latent]],
      ["decoder.bias", [items]],
    ];
  }
  const shapes: [string, number[]][] = [];
  for (const k of hiddenLayers) {
    if (k > 1) shapes.push([`encoder.fc${k}.weight`, [hidden, hidden]]);
    shapes.push([`encoder.fc${k}.bias`, [hidden]], [`encoder.ln${k}.weight`, [hidden]], [`encoder.ln${k}.bias`, [hidden]]);
  }
  for (const head of ["fc_mu", "fc_logvar"]) shapes.push([`encoder.${head}.weight`, [latent, hidden]], [`encoder.${head}.bias`, [latent]]);
  return shapes;
}

/** Shape of every tensor of the model. */
export function allShapesOf(config: ModelConfig): [name: string, shape: number[]][] {
  return groups.flatMap((group) => shapesOf(group, config));
}

/** The tensors of one group, not copied. Throws when one is missing. */
export function groupOf(weights: Weights, group: Group, config: ModelConfig): Weights {
  return Object.fromEntries(
    shapesOf(group, config).map(([name]) => {
      const tensor = weights[name];
      if (!tensor) throw new Error(`no tensor ${name} among ${Object.keys(weights).length}`);
      return [name, tensor];
    }),
  );
}

/** PyTorch's first values: linear layers U(-1/sqrt(fan in), +1/sqrt(fan in)), LayerNorm 1 and 0. `copy` 1 is the independent first old encoder. */
export function initialise(config: ModelConfig, seed: number, copy = 0): Weights {
  const weights: Weights = {};
  const shapes = allShapesOf(config);
  shapes.forEach(([name, shape], k) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    if (/\.ln\d\./.test(name)) data.fill(name.endsWith("weight") ? 1 : 0);
    else uniform(seed, copy * shapes.length + k, 1 / Math.sqrt(fanIn(name, config)), data);
    weights[name] = { shape, data };
  });
  return weights;
}

function fanIn(name: string, config: ModelConfig): number {
  if (name.startsWith("decoder.")) return config.latent;
  return name.startsWith("encoder.fc1.") ? config.items : config.hidden;
}

/**
 * The decoder's rows of new items, from `config.items` to `items`; their first-layer rows are 0, so old users' scores of old items don't move. Small keyed draws;
 * the bias is the old items' mean offset from log popularity plus their own log popularity. `bias_I` holds the old items', `popularity` counts training users per
 * column, new items included.
 */
export function decoderOfNewItems(
  bias_I: Float32Array,
  { items: old, latent }: ModelConfig,
  items: number,
  popularity: Float64Array,
  seed: number,
): { weight: Float32Array; bias: Float32Array } {
  const weight = new Float32Array((items - old) * latent);
  uniform(seed, 1000 + old, 0.1 / Math.sqrt(latent), weight); // the column of the first new item names the draw: growing twice repeats none
  const all = new Float32Array(items);
  all.set(bias_I);
  biasByPopularity(all, old, popularity);
  return { weight, bias: all.subarray(old) };
}

/**
 * Decoder bias of the columns from `first` on: their log popularity, on the scale of the columns before (their mean offset from log popularity; mean 0 where
 * there are none). Adam would need thousands of steps to walk as far. In place.
 */
export function biasByPopularity(bias_I: Float32Array, first: number, popularity: Float64Array): void {
  const logPopularity = (column: number) => Math.log((popularity[column] ?? 0) + 1);
  const known = first === 0 ? bias_I.length : first;
  let offset = 0;
  for (let column = 0; column < known; column++) offset += ((first === 0 ? 0 : bias_I[column]!) - logPopularity(column)) / known;
  for (let column = first; column < bias_I.length; column++) bias_I[column] = offset + logPopularity(column);
}

/** Name of the first tensor that holds a NaN or an infinity; undefined when all are finite. */
export function findNonFinite(weights: Weights): string | undefined {
  for (const [name, { data }] of Object.entries(weights)) {
    let poison = 0; // x * 0 is 0 for every finite x and NaN otherwise
    for (let k = 0; k < data.length; k++) poison += data[k]! * 0;
    if (poison !== 0) return name;
  }
  return undefined;
}
