// A neural system from its preset: its recipe says what its tensors are and how it scores, so nothing else is its own.
import { z } from "zod";
import { decoderItems, embeddingOf, parametersIn } from "../neural/parameters.ts";
import { decoderWidth, type Recipe, recipe } from "../neural/recipe.ts";
import { checkShapes } from "../neural/safetensors.ts";
import { createScorer } from "../neural/scorer.ts";
import { denseVectors } from "../ranking/vectors.ts";
import type { Neural, Sized } from "./system.ts";

type Parts = Pick<Neural, "title" | "preset" | "grid" | "published">;
/** Another form of its settings, which manifests had before there were recipes, and of its weights. */
type Stored<C extends Sized> = Pick<Neural<C>, "config" | "configOf" | "recipeOf" | "fromStateDict">;

/** A manifest holds the recipe, or what `stored` makes of it. */
export function neural(parts: Parts): Neural<Recipe>;
export function neural<C extends Sized>(parts: Parts & { readonly stored: Stored<C> }): Neural<C>;
export function neural({ stored, ...parts }: Parts & { readonly stored?: Stored<Recipe> }): Neural<Recipe> {
  const form: Stored<Recipe> = stored ?? { config: storedRecipe, configOf: asItIs, recipeOf: asItIs };
  const { recipeOf } = form;
  return {
    ...parts,
    ...form,
    kind: "neural",
    check: (weights, settings) => checkShapes(weights, recipeOf(settings)),
    perItem: (settings) => [embeddingOf(recipeOf(settings)), ...Object.values(decoderItems(recipeOf(settings)))],
    scorer: (engine, settings, weights) => createScorer(engine, recipeOf(settings), weights),
    // the decoder's rows: what a code must be like for the item to be scored high
    vectors: (settings, weights) => {
      const of = recipeOf(settings);
      return denseVectors(weights[decoderItems(of).weight]!.data, decoderWidth(of));
    },
    memory: (settings) => COPIES * Float32Array.BYTES_PER_ELEMENT * parametersIn(recipeOf(settings)),
  };
}

/** Manifests of the time before RaCT say nothing of a critic; a server must. */
const storedRecipe = z.preprocess((value) => (typeof value === "object" ? { critic: null, ...value } : value), recipe);

const asItIs = (settings: Recipe) => settings;

/**
 * As many times the weights, measured from 3,000 to 100,000 items: they and Adam's moments, the old encoder, sums of
 * gradients and answers, the copies for a checkpoint and of the best model.
 */
const COPIES = 9.5;
