// The encoder behind its first layer, whose product is the bag (bag.ts) and comes from outside: of either kind the same
// face. Shapes: B users, H width of the bag, L latent.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Weights } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";

/** The hidden group on the engine. */
export interface HiddenWeights {
  readonly config: Recipe;
  /** Call inside steps.ts' scope, which gives back what it borrows. `serveMore` as in decoder.ts. */
  encode(bag_BH: Float32Array, serveMore: boolean): Encoded;
  dispose(): void;
}

export interface Encoded {
  /** The mean of the latent; or, where nothing is sampled, what goes on to the decoder. */
  readonly code_BL: Tensor2D;
  /** Absent where nothing is sampled. */
  readonly logvar_BL: Tensor2D | undefined;
  /** Gradients of every tensor of the hidden group, and of the bag, from those of both. Call inside the same scope. */
  backward(dCode_BL: Tensor2D, dLogvar_BL: Tensor2D | undefined): { gradients: Weights; dBag_BH: Float32Array };
}
