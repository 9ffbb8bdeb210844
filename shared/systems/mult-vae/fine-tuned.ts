// What goes on from a model of Mult-VAE by a loss of its own, without a KL term: WARP, LambdaNet and RaCT.
import { type Grid, over, untilItFalls } from "../benchmarked.ts";
import { type Preset, steadyKl } from "../preset.ts";
import { multVae } from "./mult-vae.ts";

/** `own`: what its recipe has otherwise. */
export const fineTuned = (own: Partial<Preset["recipe"]>): Preset => ({
  ...multVae.preset,
  recipe: { ...multVae.preset.recipe, regulariser: steadyKl(0), ...own },
  startsFrom: "mult-vae",
});

/** Of losses of ranks. */
export const rankGrid: Grid = {
  source: "Lobel et al. 2019: Mult-VAE's own rate; lower ones",
  isSeeded: true,
  flags: untilItFalls(50, 8),
  settings: over("learning-rate", 1e-3, 1e-4, 1e-5),
};
