// RaCT's critic: a small network that guesses the NDCG of a user's list from three figures, so that a ranking measure,
// which has no gradient, gets one. Here its guess, what moves the critic, and what moves the actor. Source: Lobel et
// al. 2019, docs/design/baselines.md#ract. Shapes: B users, F figures (3), N inputs and M outputs of a layer. Float64:
// there is little of it.
import { uniform } from "../compute/draws.ts";
import type { Tensor, Weights } from "./parameters.ts";

/** Of the authors' critic, from the figures to the guess. */
const criticWidths: readonly number[] = [3, 100, 100, 10, 1];
/**
 * Of a user: items that the actor is shown, items that are kept from it, and the negative log-likelihood of what it
 * makes of that.
 */
export type Features = readonly [kept: number, dropped: number, nll: number];
const NLL = 2;
/** Beside the variance, as in batch normalisation. */
const EPSILON = 0.001;

const weightName = (layer: number) => `critic.fc${layer}.weight`;
const biasName = (layer: number) => `critic.fc${layer}.bias`;

/** Name and shape of every tensor, in order. */
const shapesOf = (widths: readonly number[]) =>
  widths.slice(1).flatMap((outputs, k): [name: string, shape: number[]][] => [
    [weightName(k + 1), [outputs, widths[k]!]],
    [biasName(k + 1), [outputs]],
  ]);
export const criticShapes = shapesOf(criticWidths);

/** Uniform by Xavier, biases 0; the keys of its draws begin with `stream`. */
export function initialCritic(seed: number, stream: number, widths = criticWidths): Weights {
  const shapes = shapesOf(widths);
  return Object.fromEntries(
    shapes.map(([name, shape], k) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b));
      const [outputs, inputs] = shape;
      if (inputs !== undefined) uniform(seed, stream + k, Math.sqrt(6 / (inputs + outputs!)), data);
      return [name, { shape, data }];
    }),
  );
}

/** What the critic makes of a batch, and what the ways back need of it. */
export interface Guess {
  /** NDCG that it expects of each user, in 0..1. */
  readonly ndcg_B: Float64Array;
  /** What goes into each layer, [B, N]; first the standardised figures. */
  readonly inputs: readonly Float64Array[];
  /** One over the deviation of the third figure. */
  readonly perNll: number;
}

/** Figures are standardised over the batch, so a user's guess depends on its neighbours. */
export function guess(critic: Weights, features: readonly Features[]): Guess {
  const standard = standardised(features);
  const inputs = [standard.values_BF];
  const layers = layersOf(critic);
  layers.forEach(({ weight, bias }, k) => {
    const isLast = k === layers.length - 1;
    inputs.push(
      affine(inputs[k]!, weight, bias).map(
        isLast ? (value) => 1 / (1 + Math.exp(-value)) : (value) => Math.max(0, value),
      ),
    );
  });
  return { ndcg_B: inputs.pop()!, inputs, perNll: standard.perNll };
}

/**
 * The critic's loss, the mean squared error of its guess with `l2` / B times the squares of all its weights, and the
 * gradients of them.
 */
export function criticLoss(
  critic: Weights,
  made: Guess,
  ndcg_B: ArrayLike<number>,
  l2: number,
): { loss: number; gradients: Weights } {
  const users = made.ndcg_B.length;
  const errors_B = made.ndcg_B.map((value, user) => value - ndcg_B[user]!);
  const { gradients } = backward(
    critic,
    made,
    errors_B.map((error) => (2 * error) / users),
  );
  let loss = errors_B.reduce((sum, error) => sum + error ** 2, 0) / users;
  for (const [name, { data }] of Object.entries(critic)) {
    for (const value of data) loss += (l2 / users) * value ** 2;
    data.forEach((value, k) => {
      gradients[name]!.data[k]! += ((2 * l2) / users) * value;
    });
  }
  return { loss, gradients };
}

/**
 * The actor's loss, the negative of the mean guess, and its gradient with respect to each user's log-likelihood,
 * through the standardising too.
 */
export function actorLoss(critic: Weights, made: Guess): { loss: number; dNll_B: Float64Array } {
  const users = made.ndcg_B.length;
  const { dFigures_BF } = backward(critic, made, new Float64Array(users).fill(-1 / users));
  const [normal_BF] = made.inputs as [Float64Array];
  const width = normal_BF.length / users;
  const of = (table_BF: Float64Array) =>
    Float64Array.from({ length: users }, (_, user) => table_BF[user * width + NLL]!);
  const [normal_B, d_B] = [of(normal_BF), of(dFigures_BF)];
  const mean = d_B.reduce((sum, d) => sum + d, 0) / users;
  const along = d_B.reduce((sum, d, user) => sum + d * normal_B[user]!, 0) / users;
  const dNll_B = d_B.map((d, user) => (d - mean - normal_B[user]! * along) * made.perNll);
  return { loss: -made.ndcg_B.reduce((sum, value) => sum + value, 0) / users, dNll_B };
}

function standardised(features: readonly Features[]): { values_BF: Float64Array; perNll: number } {
  const [users, width] = [features.length, NLL + 1];
  const values_BF = new Float64Array(users * width);
  const scales = Array.from({ length: width }, (_, which) => {
    const column_B = features.map((each) => each[which]!);
    const mean = column_B.reduce((sum, value) => sum + value, 0) / users;
    const variance = column_B.reduce((sum, value) => sum + (value - mean) ** 2, 0) / users;
    const scale = 1 / Math.sqrt(variance + EPSILON);
    column_B.forEach((value, user) => {
      values_BF[user * width + which] = (value - mean) * scale;
    });
    return scale;
  });
  return { values_BF, perNll: scales[NLL]! };
}

interface Layer {
  /** [M, N] */
  readonly weight: Tensor;
  readonly bias: Tensor;
}

function layersOf(critic: Weights): Layer[] {
  const layers: Layer[] = [];
  for (let k = 1; critic[weightName(k)]; k++)
    layers.push({ weight: critic[weightName(k)]!, bias: critic[biasName(k)]! });
  return layers;
}

/** [B, M] */
function affine(x_BN: Float64Array, { shape, data }: Tensor, bias: Tensor): Float64Array {
  const [outputs, inputs] = shape as [number, number];
  const out_BM = new Float64Array((x_BN.length / inputs) * outputs);
  for (let row = 0, at = 0; row < x_BN.length; row += inputs) {
    for (let m = 0; m < outputs; m++) {
      let sum = bias.data[m]!;
      for (let n = 0; n < inputs; n++) sum += data[m * inputs + n]! * x_BN[row + n]!;
      out_BM[at++] = sum;
    }
  }
  return out_BM;
}

/** Gradients of all weights and of the standardised figures, from those of the guess. */
function backward(
  critic: Weights,
  { ndcg_B, inputs }: Guess,
  dNdcg_B: Float64Array,
): { gradients: Weights; dFigures_BF: Float64Array } {
  const gradients: Weights = {};
  let d_BM = dNdcg_B.map((d, user) => d * ndcg_B[user]! * (1 - ndcg_B[user]!)); // before the sigmoid
  layersOf(critic)
    .map((layer, k) => ({ ...layer, x_BN: inputs[k]!, name: k + 1 }))
    .reverse()
    .forEach(({ weight, x_BN, name }) => {
      const [outputs, inputs] = weight.shape as [number, number];
      const dWeight = new Float64Array(outputs * inputs);
      const dBias = new Float64Array(outputs);
      const dx_BN = new Float64Array(x_BN.length);
      d_BM.forEach((d, at) => {
        const [row, m] = [Math.floor(at / outputs) * inputs, at % outputs];
        dBias[m]! += d;
        for (let n = 0; n < inputs; n++) {
          dWeight[m * inputs + n]! += d * x_BN[row + n]!;
          dx_BN[row + n]! += d * weight.data[m * inputs + n]!;
        }
      });
      gradients[weightName(name)] = { shape: weight.shape, data: Float32Array.from(dWeight) };
      gradients[biasName(name)] = { shape: [outputs], data: Float32Array.from(dBias) };
      d_BM = name === 1 ? dx_BN : dx_BN.map((d, at) => (x_BN[at]! > 0 ? d : 0)); // what went in came out of a ReLU
    });
  return { gradients, dFigures_BF: d_BM };
}
