// A replica of a recipe as a program of TensorFlow's: weights, Adam's moments and the old encoder as variables, and a
// step of each phase that is repeated in one run: first layer, way forth and back, draws, Adam of every tensor. Numbers
// travel in a step that name its users and their items, nothing else. Shapes: B users, N entries of all their rows, I
// items, H width of the bag, L latent.
import type { Node, Program, Routine, Update } from "../../compute/graph/node.ts";
import {
  add,
  areFinite,
  cast,
  constant,
  input,
  inverseRoot,
  maximum,
  multiply,
  notLess,
  placesOf,
  reshape,
  rowsAt,
  sizeOf,
  stack,
  subtract,
  sumsOf,
  variable,
} from "../../compute/graph/operations.ts";
import { adam, clear, replaceRows } from "../../compute/graph/updates.ts";
import { allShapesOf, embeddingOf, oldShapes, shapesOf } from "../parameters.ts";
import { bagWidth, type Recipe, usesOldPosterior } from "../recipe.ts";
import { diverge, sample } from "./divergence.ts";
import { keepMask, noise } from "./draws.ts";
import { encode, type Gradients, type Weight, weightOf } from "./hidden.ts";
import { type Judged, judge, type UserNodes } from "./likelihood.ts";
import { decode, judgedBy } from "./program.ts";

/** Names of a tensor's other variables. */
export const firstMoment = (name: string) => `m/${name}`;
export const secondMoment = (name: string) => `v/${name}`;
export const oldName = (name: string) => `old/${name}`;

/** What of the model moves in a phase that a trainer may take steps of on its own. */
export type ReplicaPhase = "encoder" | "decoder" | "joint";

/** Outputs of a step, summed over a run's. */
export const sums = { reconstruction: "reconstruction", kl: "kl", finite: "finite" } as const;

/** Whether there is such a program: what is made of nodes judges, and something is sampled. */
export const hasReplica = (recipe: Recipe): boolean => judgedBy(recipe) !== undefined && recipe.latent !== null;

/** Of a recipe that has one. */
export function replicaProgram(recipe: Recipe): Program {
  const likelihood = judgedBy(recipe);
  if (!likelihood) throw new Error("nothing that is made of nodes judges");
  const shapes = allShapesOf(recipe);
  const old = usesOldPosterior(recipe) ? oldShapes(recipe) : [];
  const moments = shapes.flatMap(([name, shape]) => [
    [firstMoment(name), shape] as const,
    [secondMoment(name), shape] as const,
  ]);
  // rows of the first layer come by and by
  const cleared = [...shapesOf("embedding", recipe), ...moments];
  const step = (phase: ReplicaPhase) => stepOf(recipe, likelihood, phase);
  const embedding = embeddingOf(recipe);
  return {
    variables: Object.fromEntries([...shapes, ...moments, ...old.map(([name, shape]) => [oldName(name), shape])]),
    routines: {
      begin: {
        inputs: [],
        outputs: { done },
        updates: cleared.map(([name, shape]) => clear(name, shape)),
        plain: true,
      },
      takeRows: taking(embedding, bagWidth(recipe)),
      movedRows: movedRows(embedding, recipe.items, bagWidth(recipe)),
      movedHidden: moved(shapesOf("hidden", recipe)),
      movedDecoder: moved(shapesOf("decoder", recipe)),
      encoder: step("encoder"),
      decoder: step("decoder"),
      joint: step("joint"),
    },
  };
}

const done = constant([1], "float32", []);

function taking(embedding: string, width: number): Routine {
  const places = input("places", "int32", ["rows"]);
  const rows = input("rows", "float32", ["rows", width]);
  return { inputs: [places, rows], outputs: { done }, updates: [replaceRows(embedding, places, rows)], plain: true };
}

/** How far rows of the first layer have come from `rows`. */
function movedRows(embedding: string, items: number, width: number): Routine {
  const places = input("places", "int32", ["rows"]);
  const rows = input("rows", "float32", ["rows", width]);
  const now = rowsAt(variable(embedding, [items, width]), places);
  return { inputs: [places, rows], outputs: { [embedding]: subtract(now, rows) }, plain: true };
}

/** How far tensors have come from what is given. */
function moved(shapes: readonly (readonly [name: string, shape: readonly number[]])[]): Routine {
  const starts = shapes.map(([name, shape]) => input(name, "float32", shape));
  const outputs = shapes.map(([name, shape], k) => [name, subtract(variable(name, shape), starts[k]!)] as const);
  return { inputs: starts, outputs: Object.fromEntries(outputs), plain: true };
}

/** A step's users, as they are given, and what follows from that. Entries beyond `entryCount` fill up. */
function usersOf(recipe: Recipe) {
  const scalar = (name: string, dtype: "int32" | "float32" = "int32") => input(name, dtype, []);
  const column_N = input("columns", "int32", ["entries"]);
  const owner_N = input("owners", "int32", ["entries"]);
  const start_B = input("starts", "int32", ["users"]);
  const key_B = input("keys", "int32", ["users"]);
  const counts_B1 = input("counts", "float32", ["users", 1]);
  const share_B1 = input("share", "float32", ["users", 1]);
  const klShare_B1 = input("klShare", "float32", ["users", 1]);
  const [entryCount, dropout] = [scalar("entryCount"), scalar("dropout", "float32")];
  const key = { seedLow: scalar("seedLow"), seedHigh: scalar("seedHigh"), step: scalar("step") };

  const place_N = placesOf(column_N);
  const isReal_N = cast(notLess(subtract(entryCount, 1), place_N), "float32");
  const ofOwner = (each_B1: Node) => rowsAt(reshape(each_B1, ["users"]), owner_N);
  const norm_N = recipe.input === "normalised" ? inverseRoot(maximum(ofOwner(counts_B1), 1)) : undefined;
  const value_N = norm_N ? multiply(isReal_N, norm_N) : isReal_N;
  const rate = recipe.dropoutRate;
  /** Of a step without dropout all are kept. */
  const kept_N = () => {
    const mask_N = keepMask(key_B, owner_N, subtract(place_N, rowsAt(start_B, owner_N)), rate, key);
    const scale = add(multiply(dropout, 1 / (1 - rate) - 1), 1);
    return multiply(multiply(value_N, maximum(mask_N, subtract(1, dropout))), scale);
  };
  const users: UserNodes = {
    positions_N2: stack([owner_N, column_N]),
    shares_N: multiply(ofOwner(share_B1), isReal_N),
    share_B1,
    counts_B1,
  };
  return {
    inputs: [
      ...[column_N, owner_N, start_B, key_B, counts_B1, share_B1, klShare_B1, entryCount, dropout],
      ...[key.seedLow, key.seedHigh, key.step],
    ],
    ...{ column_N, owner_N, key_B, klShare_B1, key, users },
    value_N,
    shown_N: rate > 0 ? kept_N() : value_N,
    many: sizeOf(key_B),
  };
}

function stepOf(recipe: Recipe, likelihood: Judged, phase: ReplicaPhase): Routine {
  const given = usersOf(recipe);
  const { column_N, owner_N, users, shown_N, many } = given;
  const part = input("part", "float32", []);
  const embedding = embeddingOf(recipe);
  const weight = weightOf(new Map(allShapesOf(recipe)));
  const bag = (table: Node, value_N: Node) =>
    sumsOf(multiply(rowsAt(table, column_N), reshape(value_N, ["entries", 1])), owner_N, many, "users");

  const encoded = encode(recipe, weight, bag(weight(embedding), shown_N));
  const sampled = sample(encoded.code_BL, encoded.logvar_BL!, noise(given.key_B, recipe.latent!, given.key));
  const decoder = decode(recipe, weight, sampled.z_BL);
  const { reconstruction, error_BI } = judge(likelihood, decoder.scores_BI, users);
  const ofDecoder: Gradients = {};
  const dCode_BL = decoder.backward(error_BI, ofDecoder);

  const rates = (["encoder", "decoder"] as const).map((half) => ({
    learningRate: recipe.learningRate,
    beta1Power: input(`${half}Beta1`, "float32", []),
    beta2Power: input(`${half}Beta2`, "float32", []),
    epsilon: input(`${half}Epsilon`, "float32", []),
  }));
  const moves = (gradients: Gradients, which: 0 | 1): Update[] =>
    Object.entries(gradients).map(([name, gradient]) =>
      adam([name, firstMoment(name), secondMoment(name)], gradient, rates[which]!),
    );
  const powers = rates.flatMap(({ beta1Power, beta2Power, epsilon }) => [beta1Power, beta2Power, epsilon]);
  const inputs = [...given.inputs, part, ...powers];
  const finite = cast(areFinite(reconstruction), "float32");
  const lost = { [sums.reconstruction]: multiply(reconstruction, part), [sums.finite]: finite };
  if (phase === "decoder") return { inputs, outputs: lost, updates: moves(ofDecoder, 1), repeated: true };

  const old = usesOldPosterior(recipe) ? oldOf(recipe, bag(oldWeight(recipe)(embedding), given.value_N)) : undefined;
  const divergence = diverge(recipe.regulariser, sampled, old, given.klShare_B1, dCode_BL);
  const { gradients, dBag_BH } = encoded.backward(divergence.dMu_BL, divergence.dLogvar_BL);
  const ofEntries_NH = multiply(rowsAt(dBag_BH, owner_N), reshape(shown_N, ["entries", 1]));
  const ofFirst = { [embedding]: sumsOf(ofEntries_NH, column_N, recipe.items, recipe.items) };
  return {
    inputs,
    outputs: { ...lost, ...(divergence.kl && { [sums.kl]: multiply(divergence.kl, part) }) },
    updates: [...moves({ ...ofFirst, ...gradients }, 0), ...(phase === "joint" ? moves(ofDecoder, 1) : [])],
    repeated: true,
  };
}

const oldWeight = (recipe: Recipe): Weight => {
  const shapes = new Map(oldShapes(recipe));
  return (name) => variable(oldName(name), shapes.get(name)!);
};

/** What the old encoder says, without dropout. */
function oldOf(recipe: Recipe, bag_BH: Node) {
  const { code_BL, logvar_BL } = encode(recipe, oldWeight(recipe), bag_BH);
  return { mu_BL: code_BL, logvar_BL: logvar_BL! };
}
