// The bytes that a step must move, from the shapes of the model alone: what the measured ones are held against. Headers
// are left out. Pure.
import { type Group, shapesOf } from "../../../shared/neural/parameters.ts";
import { bagWidth, latentOf, type Recipe } from "../../../shared/neural/recipe.ts";
import { scored } from "../../../shared/training/messages.ts";

export interface StepShape {
  readonly config: Recipe;
  readonly batch: number;
  readonly partSize: number;
  /** Items of a user, on average. */
  readonly perUser: number;
  /** How often weights are sent: once for each trainer that gets a part, by socket; once for all, by memory. */
  readonly copies: number;
}

/** Bytes from the server to all trainers, and back. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

export const bytesOfGroup = (group: Group, config: StepShape["config"]): number =>
  4 * shapesOf(group, config).reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0);

/** An exact step: the weights that the step before has moved; a lease and an answer a part. */
export function trafficOf(
  phase: "encoder" | "decoder",
  { config, batch, partSize, perUser, copies }: StepShape,
): Traffic {
  const parts = Math.ceil(batch / partSize);
  const moved = bytesOfGroup(phase === "encoder" ? "hidden" : "decoder", config);
  const bags = 4 * batch * bagWidth(config);
  const posteriors = 2 * 4 * batch * latentOf(config);
  const rows = 4 * batch * perUser + 2 * 4 * batch; // items, where each row ends, the keys of the draws
  return {
    sent: copies * moved + bags + rows + (phase === "encoder" ? posteriors : 0),
    received: parts * moved + (phase === "encoder" ? bags : posteriors),
  };
}

/** So many steps of each phase, and so many held-out users scored. */
export function trafficOfRun(shape: StepShape, run: { encoder: number; decoder: number; scored: number }): Traffic {
  const [encoder, decoder, scoring] = [
    trafficOf("encoder", shape),
    trafficOf("decoder", shape),
    trafficOfScoring(shape, run.scored),
  ];
  const sum = (way: keyof Traffic) => run.encoder * encoder[way] + run.decoder * decoder[way] + scoring[way];
  return { sent: sum("sent"), received: sum("received") };
}

/** The weights are counted with the step that moved them. */
function trafficOfScoring({ config, perUser }: StepShape, users: number): Traffic {
  return { sent: users * 4 * (bagWidth(config) + perUser + 2), received: users * 4 * scored.length };
}
