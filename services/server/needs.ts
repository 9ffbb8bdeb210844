// What the parameter server will take of memory for its model, said before the first step. Pure; main.ts asks.
import { parametersIn } from "../../shared/neural/parameters.ts";
import type { NeuralConfig } from "../../shared/neural/recipe.ts";
import { mustHaveRoom } from "../../shared/runtime/memory.ts";

/**
 * As many times the weights, measured from 3,000 to 100,000 items: they and Adam's moments, the old encoder, sums of gradients and answers, the copies for a checkpoint and of
 * the best model.
 */
const COPIES = 9.5;

/** `held`: bytes that the process has already, its data with them. Throws DATA_TOO_LARGE. */
export function mustFitMemory(model: string, config: NeuralConfig, held: number, limit: number): void {
  mustHaveRoom({ model, data: `${config.items} items` }, held + COPIES * Float32Array.BYTES_PER_ELEMENT * parametersIn(config), limit);
}
