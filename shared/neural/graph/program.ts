// A recipe as a program of TensorFlow's: hidden group and decoder as variables, a routine for each kind of part, way
// forth and way back in one. Shapes: users, entries of all users' rows, H width of the bag, L latent.
import type { Node, Program, Routine } from "../../compute/graph/node.ts";
import { absolute, input, largest, multiply, sign } from "../../compute/graph/operations.ts";
import { decoderLayers, shapesOf } from "../parameters.ts";
import { bagWidth, type Recipe, usesOldPosterior } from "../recipe.ts";
import { diverge, sample } from "./divergence.ts";
import {
  encode,
  type Gradients,
  linear,
  linearBackward,
  squash,
  squashBackward,
  type Weight,
  weightOf,
} from "./hidden.ts";
import { type Judged, judge, type UserNodes } from "./likelihood.ts";

/** Kinds of parts: `joint` is an encoder's with the decoder's gradients. */
export type RoutineName = "posterior" | "encoder" | "joint" | "decoder" | "score";

/** Names that a routine's outputs have beside those of tensors, whose gradients they are. */
export const outputs = {
  reconstruction: "reconstruction",
  kl: "kl",
  dBag: "dBag",
  mu: "mu",
  logvar: "logvar",
  scores: "scores",
} as const;

/** Undefined where a critic judges or ranks are counted: neither is made of nodes. */
export const judgedBy = ({ likelihood, critic }: Recipe): Judged | undefined =>
  critic || likelihood === "warp" || likelihood === "lambdarank" ? undefined : likelihood;

/** Undefined where nothing that is made of nodes judges. */
export function programOf(recipe: Recipe): Program | undefined {
  const { latent } = recipe;
  const likelihood = judgedBy(recipe);
  if (!likelihood) return undefined;
  const variables = Object.fromEntries([...shapesOf("hidden", recipe), ...shapesOf("decoder", recipe)]);
  const weight = weightOf(new Map(Object.entries(variables)));
  const routines: Readonly<Record<Exclude<RoutineName, "posterior">, Routine>> = {
    encoder: encoderRoutine(recipe, likelihood, weight, false),
    joint: encoderRoutine(recipe, likelihood, weight, true),
    decoder: decoderRoutine(recipe, likelihood, weight),
    score: scoreRoutine(recipe, weight),
  };
  return {
    variables,
    routines: latent === null ? routines : { ...routines, posterior: posteriorRoutine(recipe, weight) },
  };
}

const bag = (recipe: Recipe) => input("bag", "float32", ["users", bagWidth(recipe)]);
const latents = (recipe: Recipe, ...names: readonly string[]) =>
  recipe.latent === null ? [] : names.map((name) => input(name, "float32", ["users", recipe.latent!]));

function usersOf(): UserNodes & { readonly inputs: readonly Node[] } {
  const positions_N2 = input("positions", "int32", ["entries", 2]);
  const shares_N = input("shares", "float32", ["entries"]);
  const share_B1 = input("share", "float32", ["users", 1]);
  const counts_B1 = input("counts", "float32", ["users", 1]);
  return { positions_N2, shares_N, share_B1, counts_B1, inputs: [positions_N2, shares_N, share_B1, counts_B1] };
}

function posteriorRoutine(recipe: Recipe, weight: Weight): Routine {
  const bag_BH = bag(recipe);
  const { code_BL, logvar_BL } = encode(recipe, weight, bag_BH);
  return { inputs: [bag_BH], outputs: { [outputs.mu]: code_BL, [outputs.logvar]: logvar_BL! } };
}

function encoderRoutine(recipe: Recipe, likelihood: Judged, weight: Weight, joint: boolean): Routine {
  const [bag_BH, users] = [bag(recipe), usersOf()];
  const [noise_BL] = latents(recipe, "noise");
  const [muOld_BL, logvarOld_BL] = usesOldPosterior(recipe) ? latents(recipe, "muOld", "logvarOld") : [];
  const klShare_B1 = input("klShare", "float32", ["users", 1]);
  const encoded = encode(recipe, weight, bag_BH);
  const sampled = encoded.logvar_BL && sample(encoded.code_BL, encoded.logvar_BL, noise_BL!);
  const decoder = decode(recipe, weight, sampled?.z_BL ?? encoded.code_BL);
  const { reconstruction, error_BI } = judge(likelihood, decoder.scores_BI, users);
  const ofDecoder: Gradients = {};
  const dCode_BL = decoder.backward(error_BI, ofDecoder);
  const old = muOld_BL && { mu_BL: muOld_BL, logvar_BL: logvarOld_BL! };
  const divergence = sampled && diverge(recipe.regulariser, sampled, old, klShare_B1, dCode_BL);
  const { gradients, dBag_BH } = encoded.backward(divergence?.dMu_BL ?? dCode_BL, divergence?.dLogvar_BL);
  return {
    inputs: [bag_BH, ...users.inputs, klShare_B1, ...[noise_BL, muOld_BL, logvarOld_BL].flatMap((each) => each ?? [])],
    outputs: {
      ...gradients,
      ...(joint ? ofDecoder : {}),
      [outputs.dBag]: dBag_BH,
      [outputs.reconstruction]: reconstruction,
      ...(divergence?.kl && { [outputs.kl]: divergence.kl }),
    },
  };
}

function decoderRoutine(recipe: Recipe, likelihood: Judged, weight: Weight): Routine {
  const [bag_BH, users] = [bag(recipe), usersOf()];
  const [noise_BL] = latents(recipe, "noise");
  const { code_BL, logvar_BL } = encode(recipe, weight, bag_BH);
  const decoder = decode(recipe, weight, logvar_BL ? sample(code_BL, logvar_BL, noise_BL!).z_BL : code_BL);
  const { reconstruction, error_BI } = judge(likelihood, decoder.scores_BI, users);
  const gradients: Gradients = {};
  decoder.backward(error_BI, gradients);
  return {
    inputs: [bag_BH, ...users.inputs, ...(noise_BL ? [noise_BL] : [])],
    outputs: {
      ...gradients,
      [outputs.reconstruction]: reconstruction,
      ...(logvar_BL && { [outputs.mu]: code_BL, [outputs.logvar]: logvar_BL }),
    },
  };
}

/** At the posterior's mean. A user of whom nothing is known, a bag of zeros, gets the decoder's bias. */
function scoreRoutine(recipe: Recipe, weight: Weight): Routine {
  const bag_BH = bag(recipe);
  const hasItems_B1 = sign(largest(absolute(bag_BH), [1], { keep: true }));
  const { scores_BI } = decode(recipe, weight, encode(recipe, weight, bag_BH).code_BL, hasItems_B1);
  return { inputs: [bag_BH], outputs: { [outputs.scores]: scores_BI } };
}

/** tanh layers where there are any, then the linear one whose columns are the items. */
export function decode(recipe: Recipe, weight: Weight, code_BL: Node, factor_B1?: Node) {
  const names = decoderLayers(recipe.decoder.length + 1);
  const [between, name] = [names.slice(0, -1), names.at(-1)!];
  const hidden = squash(weight, between, code_BL);
  const last_BD = hidden.at(-1) ?? code_BL;
  return {
    scores_BI: linear(weight, name, factor_B1 ? multiply(last_BD, factor_B1) : last_BD),
    /** From the gradient of the scores to that of the code; of every tensor on the way into `gradients`. */
    backward: (dScores_BI: Node, gradients: Gradients) =>
      squashBackward(
        weight,
        between,
        code_BL,
        hidden,
        linearBackward(weight, name, last_BD, dScores_BI, gradients),
        gradients,
      ),
  };
}
