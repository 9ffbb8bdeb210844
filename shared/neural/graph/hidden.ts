// The encoder behind its first layer as nodes of a graph, forth and back, of either kind; and plain layers, which a
// decoder has too. The same formulas as residual-encoder.ts, plain-encoder.ts and layers.ts, where every step of them
// is a run of its own. Shapes: B users, H width of the bag, D of a layer, L latent.
import type { Node } from "../../compute/graph/node.ts";
import {
  add,
  beside,
  columns,
  divide,
  inverseRoot,
  multiply,
  product,
  sigmoid,
  square,
  subtract,
  sum,
  tanh,
  variable,
} from "../../compute/graph/operations.ts";
import { encoderLayers } from "../parameters.ts";
import type { Recipe } from "../recipe.ts";

/** Gradients by the names of their tensors. */
export type Gradients = Record<string, Node>;

/** Variables of the model by name, and their shapes. */
export type Weight = (name: string) => Node;

export const weightOf =
  (shapes: ReadonlyMap<string, readonly number[]>): Weight =>
  (name) => {
    const shape = shapes.get(name);
    if (!shape) throw new Error(`the recipe has no tensor ${name}`);
    return variable(name, shape);
  };

/** See encoder.ts. */
export interface EncodedNodes {
  readonly code_BL: Node;
  readonly logvar_BL: Node | undefined;
  backward(dCode_BL: Node, dLogvar_BL: Node | undefined): { gradients: Gradients; dBag_BH: Node };
}

export function encode(config: Recipe, weight: Weight, bag_BH: Node): EncodedNodes {
  const { encoder, latent } = config;
  return encoder.kind === "plain"
    ? encodePlain(encoder.widths, latent, weight, bag_BH)
    : encodeResidual(encoder, weight, bag_BH);
}

/** x·W' + b of a linear layer. */
export const linear = (weight: Weight, name: string, x_BD: Node) =>
  add(product(x_BD, weight(`${name}.weight`), { transposeB: true }), weight(`${name}.bias`));

/** Gradients of a linear layer's weight and bias, from that of what it gave; returns that of what it was given. */
export function linearBackward(weight: Weight, name: string, x_BD: Node, d_BD: Node, gradients: Gradients): Node {
  gradients[`${name}.weight`] = product(d_BD, x_BD, { transposeA: true });
  gradients[`${name}.bias`] = sum(d_BD, [0]);
  return product(d_BD, weight(`${name}.weight`));
}

/** What each tanh layer gives. */
export function squash(weight: Weight, names: readonly string[], x_BD: Node): Node[] {
  const outputs: Node[] = [];
  for (const name of names) outputs.push(tanh(linear(weight, name, outputs.at(-1) ?? x_BD)));
  return outputs;
}

/** Gradient of what stands before tanh, of that of what it gave. */
const slopes = (d_BD: Node, output_BD: Node) => multiply(d_BD, subtract(1, square(output_BD)));

export function squashBackward(
  weight: Weight,
  names: readonly string[],
  x_BD: Node,
  outputs: readonly Node[],
  dLast_BD: Node,
  gradients: Gradients,
): Node {
  let d = dLast_BD;
  for (let k = names.length - 1; k >= 0; k--)
    d = linearBackward(weight, names[k]!, outputs[k - 1] ?? x_BD, slopes(d, outputs[k]!), gradients);
  return d;
}

function encodePlain(widths: readonly number[], latent: number | null, weight: Weight, bag_BH: Node): EncodedNodes {
  const names = encoderLayers(widths, latent);
  const first = names[0]!;
  const sum_BH = add(bag_BH, weight(`${first}.bias`));
  const ofBag = (d_BH: Node) => ({ [`${first}.bias`]: sum(d_BH, [0]) });
  if (widths.length === 0)
    return {
      ...halves(sum_BH, latent!),
      backward: (dCode_BL, dLogvar_BL) => {
        const dBag_BH = beside(dCode_BL, dLogvar_BL!);
        return { gradients: ofBag(dBag_BH), dBag_BH };
      },
    };
  const between = names.slice(1, widths.length);
  const heads = names[widths.length];
  const input_BH = tanh(sum_BH);
  const outputs = squash(weight, between, input_BH);
  const last = outputs.at(-1) ?? input_BH;
  const encoded = heads ? halves(linear(weight, heads, last), latent!) : { code_BL: last, logvar_BL: undefined };
  return {
    ...encoded,
    backward: (dCode_BL, dLogvar_BL) => {
      const gradients: Gradients = {};
      const d = heads ? linearBackward(weight, heads, last, beside(dCode_BL, dLogvar_BL!), gradients) : dCode_BL;
      const dBag_BH = slopes(squashBackward(weight, between, input_BH, outputs, d, gradients), input_BH);
      return { gradients: { ...gradients, ...ofBag(dBag_BH) }, dBag_BH };
    },
  };
}

const halves = (heads_B2L: Node, latent: number) => ({
  code_BL: columns(heads_B2L, 0, latent),
  logvar_BL: columns(heads_B2L, latent, latent),
});

/** What the way back of a layer needs of its way forth. */
interface Trace {
  readonly h_BH: Node;
  readonly sum_BH: Node;
  readonly sigmoid_BH: Node;
  /** (swish - mean) / deviation: LayerNorm before gain and shift. */
  readonly normal_BH: Node;
  /** One over the deviation. */
  readonly inverse_B1: Node;
}

/** Linear, then skips, then swish, then LayerNorm, in this order. */
function encodeResidual(
  { width, layerNormEps }: { readonly width: number; readonly layerNormEps: number },
  weight: Weight,
  bag_BH: Node,
): EncodedNodes {
  const gainOf = (layer: number) => weight(`encoder.ln${layer}.weight`);
  const shiftOf = (layer: number) => weight(`encoder.ln${layer}.bias`);
  const mean = (a_BH: Node) => divide(sum(a_BH, [1], { keep: true }), width);
  const traces: Trace[] = [];
  let skips_BH: Node | undefined;
  for (const layer of [1, 2, 3, 4, 5]) {
    const before = traces.at(-1)?.h_BH;
    const product_BH = before ? product(before, weight(`encoder.fc${layer}.weight`), { transposeB: true }) : bag_BH;
    const biased_BH = add(product_BH, weight(`encoder.fc${layer}.bias`));
    const sum_BH = skips_BH ? add(biased_BH, skips_BH) : biased_BH;
    const sigmoid_BH = sigmoid(sum_BH);
    const swish_BH = multiply(sum_BH, sigmoid_BH);
    const centred_BH = subtract(swish_BH, mean(swish_BH));
    const inverse_B1 = inverseRoot(add(mean(square(centred_BH)), layerNormEps));
    const normal_BH = multiply(centred_BH, inverse_B1);
    const h_BH = add(multiply(normal_BH, gainOf(layer)), shiftOf(layer));
    skips_BH = skips_BH ? add(skips_BH, h_BH) : h_BH;
    traces.push({ h_BH, sum_BH, sigmoid_BH, normal_BH, inverse_B1 });
  }
  const last = traces[4]!.h_BH;
  return {
    code_BL: linear(weight, "encoder.fc_mu", last),
    logvar_BL: linear(weight, "encoder.fc_logvar", last),
    backward(dMu_BL, dLogvar_BL) {
      const gradients: Gradients = {};
      let d_BH = add(
        linearBackward(weight, "encoder.fc_mu", last, dMu_BL, gradients),
        linearBackward(weight, "encoder.fc_logvar", last, dLogvar_BL!, gradients),
      );
      /** Gradients of the sums of all later layers: what reaches a layer through its skips. */
      let later_BH: Node | undefined;
      for (let layer = 5; ; layer--) {
        const { sum_BH, sigmoid_BH, normal_BH, inverse_B1 } = traces[layer - 1]!;
        const dh_BH = later_BH ? add(d_BH, later_BH) : d_BH;
        gradients[`encoder.ln${layer}.weight`] = sum(multiply(dh_BH, normal_BH), [0]);
        gradients[`encoder.ln${layer}.bias`] = sum(dh_BH, [0]);
        const dNormal_BH = multiply(dh_BH, gainOf(layer));
        const along_BH = multiply(normal_BH, mean(multiply(dNormal_BH, normal_BH)));
        const dSwish_BH = multiply(inverse_B1, subtract(subtract(dNormal_BH, mean(dNormal_BH)), along_BH));
        const slope_BH = multiply(sigmoid_BH, add(1, multiply(sum_BH, subtract(1, sigmoid_BH))));
        const dSum_BH = multiply(dSwish_BH, slope_BH);
        gradients[`encoder.fc${layer}.bias`] = sum(dSum_BH, [0]);
        if (layer === 1) return { gradients, dBag_BH: dSum_BH };
        later_BH = later_BH ? add(later_BH, dSum_BH) : dSum_BH;
        gradients[`encoder.fc${layer}.weight`] = product(dSum_BH, traces[layer - 2]!.h_BH, { transposeA: true });
        d_BH = product(dSum_BH, weight(`encoder.fc${layer}.weight`));
      }
    },
  };
}
