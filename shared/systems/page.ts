// What a page of the neural family says: the recipe of a system but for what its data decides, and the schedule that it is trained by.
import type { Recipe } from "../neural/recipe.ts";
import type { Schedule } from "../neural/schedule.ts";

export interface Page {
  readonly recipe: Omit<Recipe, "items" | "users" | "critic"> & Partial<Pick<Recipe, "critic">>;
  /** Whether training users have vectors of their own. */
  readonly ownVectors?: true;
  /** Whether it goes on from the weights of a model that is there: `--from` must name one. */
  readonly fineTuned?: true;
  readonly schedule: Schedule;
}

/** Encoder and decoder move together, one pass over the users an epoch. */
export const together: Schedule = { batchSize: 500, encoderPasses: 1, decoderPasses: 1, decoderNoise: false, notAlternating: true };
