// The weights of a neural system as typed arrays: names, shapes, groups, first values, growth of the vocabulary.
// Shapes: I items, H hidden, L latent.
import { truncatedNormal, uniform } from "../compute/draws.ts";
import { bagWidth, codeWidth, decoderWidth, type Recipe } from "./recipe.ts";

export interface Tensor {
  shape: number[];
  data: Float32Array;
  /**
   * Where a tensor lies in several memories: its parts, in order. `data` is then a copy, made at every look: large, so
   * look at the pieces.
   */
  readonly pieces?: readonly Float32Array[] | undefined;
}
export type Weights = Record<string, Tensor>;

/** `embedding` stays with the server; `hidden` and `decoder` travel to the trainers. */
export type Group = "embedding" | "hidden" | "decoder";

/** Everything that a prediction follows from. */
export const groups: readonly Group[] = ["embedding", "hidden", "decoder"];

/** RecVAE's first layer. In memory `[I, H]`, one row per item, the transpose of PyTorch's; safetensors.ts turns it. */
export const embeddingName = "encoder.fc1.weight";
/** The first layer of an encoder of one layer, turned likewise. */
export const soleEmbedding = "encoder.weight";
/** Vectors of training users, `[U, H]`, each added to its user's bag; held-out users have none. */
export const userName = "user.weight";
const hiddenLayers = [1, 2, 3, 4, 5] as const;
const BIAS_DEVIATION = 0.001;

/** The only layer of a half has no number. */
const layerName = (half: "encoder" | "decoder", layer: number, layers: number) =>
  layers === 1 ? half : `${half}.fc${layer}`;

/** Layers of an encoder of plain ones, the one that gives mean and log-variance included. */
const plainLayers = (widths: readonly number[], latent: number | null) => widths.length + (latent === null ? 0 : 1);

/** The first layer's name, `[I, H]` in memory like RecVAE's. */
export function embeddingOf(config: Recipe): string {
  const { encoder, latent } = config;
  return encoder.kind === "plain"
    ? `${layerName("encoder", 1, plainLayers(encoder.widths, latent))}.weight`
    : embeddingName;
}

/** Name of each layer of the encoder's plain ones. */
export function encoderLayers(widths: readonly number[], latent: number | null): string[] {
  const layers = plainLayers(widths, latent);
  return Array.from({ length: layers }, (_, k) => layerName("encoder", k + 1, layers));
}

/** Name of each of so many layers of a decoder; the last has a row per item. */
export function decoderLayers(layers: number): string[] {
  return Array.from({ length: layers }, (_, k) => layerName("decoder", k + 1, layers));
}

/** Names of the decoder's tensors with a row per item. */
export function decoderItems(config: Recipe): { weight: string; bias: string } {
  const last = decoderLayers(config.decoder.length + 1).at(-1)!;
  return { weight: `${last}.weight`, bias: `${last}.bias` };
}

/** Shape of every tensor of a group, in a fixed order, under PyTorch's names. */
export function shapesOf(group: Group, config: Recipe): Shapes {
  const { items, users, encoder, latent, decoder } = config;
  if (group === "embedding") {
    const embedding: Shapes = [[embeddingOf(config), [items, bagWidth(config)]]];
    return users === 0 ? embedding : [...embedding, [userName, [users, bagWidth(config)]]];
  }
  if (group === "decoder") return linear(decoderLayers(decoder.length + 1), [codeWidth(config), ...decoder, items]);
  if (encoder.kind === "residual") return residual(encoder.width, latent!);
  const [, ...behindBag] = linear(encoderLayers(encoder.widths, latent), [
    items,
    ...encoder.widths,
    ...(latent === null ? [] : [2 * latent]),
  ]);
  return behindBag;
}

type Shapes = [name: string, shape: number[]][];

/** Weight and bias of layers one behind another; `widths` begins with what goes in. */
function linear(names: readonly string[], widths: readonly number[]): Shapes {
  return names.flatMap(
    (name, k): Shapes => [
      [`${name}.weight`, [widths[k + 1]!, widths[k]!]],
      [`${name}.bias`, [widths[k + 1]!]],
    ],
  );
}

function residual(width: number, latent: number): Shapes {
  const shapes: Shapes = [];
  for (const k of hiddenLayers) {
    if (k > 1) shapes.push([`encoder.fc${k}.weight`, [width, width]]);
    shapes.push([`encoder.fc${k}.bias`, [width]], [`encoder.ln${k}.weight`, [width]], [`encoder.ln${k}.bias`, [width]]);
  }
  for (const head of ["fc_mu", "fc_logvar"])
    shapes.push([`encoder.${head}.weight`, [latent, width]], [`encoder.${head}.bias`, [latent]]);
  return shapes;
}

/** Shape of every tensor of the model. */
export function allShapesOf(config: Recipe): [name: string, shape: number[]][] {
  return groups.flatMap((group) => shapesOf(group, config));
}

/** Shapes of the encoder's tensors, the first layer's among them: what an old one is. */
export const oldShapes = (config: Recipe): Shapes => [...shapesOf("embedding", config), ...shapesOf("hidden", config)];

/** Numbers in all of them together. */
export const parametersIn = (config: Recipe): number =>
  allShapesOf(config).reduce((sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1), 0);

/** The tensors of one group, not copied. Throws when one is missing. */
export function groupOf(weights: Weights, group: Group, config: Recipe): Weights {
  return Object.fromEntries(
    shapesOf(group, config).map(([name]) => {
      const tensor = weights[name];
      if (!tensor) throw new Error(`no tensor ${name} among ${Object.keys(weights).length}`);
      return [name, tensor];
    }),
  );
}

/**
 * First values: PyTorch's, linear layers U(-1/sqrt(fan in), +1/sqrt(fan in)), LayerNorm 1 and 0; or Xavier's U(+-sqrt(6
 * / (fan in + fan out))) with biases of a truncated normal of deviation .001, as the authors of Mult-VAE have them.
 * `copy` 1 is the independent first old encoder.
 */
export function initialise(config: Recipe, seed: number, copy = 0): Weights {
  const weights: Weights = {};
  const shapes = allShapesOf(config);
  const shapeOf = new Map(shapes);
  const embedding = embeddingOf(config);
  const isXavier = config.firstValues === "xavier";
  shapes.forEach(([name, shape], k) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    const stream = copy * shapes.length + k;
    if (/\.ln\d\./.test(name)) data.fill(name.endsWith("weight") ? 1 : 0);
    else if (isXavier && name.endsWith("bias")) truncatedNormal(seed, stream, BIAS_DEVIATION, data);
    else if (isXavier) uniform(seed, stream, Math.sqrt(6 / (shape[0]! + shape[1]!)), data);
    else {
      const ofLayer = name.replace(/bias$/, "weight");
      const [rows, columns] = shapeOf.get(ofLayer)!;
      uniform(seed, stream, 1 / Math.sqrt(ofLayer === embedding ? rows! : columns!), data);
    }
    weights[name] = { shape, data };
  });
  return weights;
}

/**
 * The decoder's rows of new items, from `config.items` to `items`; their first-layer rows are 0, so old users' scores
 * of old items don't move. Small keyed draws; the bias is the old items' mean offset from log popularity plus their own
 * log popularity. `bias_I` holds the old items', `popularity` counts training users per column, new items included.
 */
export function decoderOfNewItems(
  bias_I: Float32Array,
  config: Recipe,
  items: number,
  popularity: Float64Array,
  seed: number,
): { weight: Float32Array; bias: Float32Array } {
  const { items: old } = config;
  const width = decoderWidth(config);
  const weight = new Float32Array((items - old) * width);
  // the column of the first new item names the draw: growing twice repeats none
  uniform(seed, 1000 + old, 0.1 / Math.sqrt(width), weight);
  const all = new Float32Array(items);
  all.set(bias_I);
  biasByPopularity(all, old, popularity);
  return { weight, bias: all.subarray(old) };
}

/**
 * Decoder bias of the columns from `first` on: their log popularity, on the scale of the columns before (their mean
 * offset from log popularity; mean 0 where there are none). Adam would need thousands of steps to walk as far. In
 * place.
 */
export function biasByPopularity(bias_I: Float32Array, first: number, popularity: Float64Array): void {
  const logPopularity = (column: number) => Math.log((popularity[column] ?? 0) + 1);
  const count = first === 0 ? bias_I.length : first;
  let offset = 0;
  for (let column = 0; column < count; column++)
    offset += ((first === 0 ? 0 : bias_I[column]!) - logPopularity(column)) / count;
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
