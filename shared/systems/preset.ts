// What a preset of the neural family says: the recipe of a system but for what its data decides, and the schedule that
// it is trained by. turned.ts turns it by flags.
import type { Recipe } from "../neural/recipe.ts";
import type { Schedule } from "../neural/schedule.ts";

export interface Preset {
  readonly recipe: Omit<Recipe, "items" | "users" | "critic"> & Partial<Pick<Recipe, "critic">>;
  /** Whether training users have vectors of their own. */
  readonly ownVectors?: true;
  /**
   * Another system, from the weights of whose models it goes on: `--from` names one, and `train` trains one first where
   * none is named.
   */
  readonly startsFrom?: string;
  /** Flags that turn other presets and not this one: its parts are settled. */
  readonly settled?: readonly (keyof Turned)[];
  /** Whether its trainers may take steps of their own, `--sync local`. */
  readonly ownSteps?: true;
  readonly schedule: Schedule;
}

/** What was asked for; absent: as the preset has it. */
export interface Turned {
  readonly gamma?: number | undefined;
  readonly beta?: number | undefined;
  readonly annealSteps?: number | undefined;
  readonly prior?: "standard" | "composite" | undefined;
  readonly mixtureWeights?: readonly [number, number, number] | undefined;
  readonly hidden?: number | undefined;
  readonly latent?: number | undefined;
  /** tanh layers of the encoder, and of the decoder where that has any. */
  readonly layers?: number | undefined;
  readonly encoder?: "plain" | "residual" | undefined;
  readonly decoder?: "linear" | "tanh" | undefined;
  readonly likelihood?: Recipe["likelihood"] | undefined;
  readonly weightDecay?: number | undefined;
  readonly dropoutRate?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly firstValues?: Recipe["firstValues"] | undefined;
  readonly criticEpochs?: number | undefined;
  readonly criticLearningRate?: number | undefined;
}

/** A standard normal prior whose KL term weighs the same from the first update on. */
export const steadyKl = (cap: number) => ({ kind: "standard", gamma: null, cap, annealSteps: 0 }) as const;

/** Encoder and decoder move together, one pass over the users an epoch. */
export const together: Schedule = {
  batchSize: 500,
  encoderPasses: 1,
  decoderPasses: 1,
  decoderNoise: false,
  alternating: false,
};
