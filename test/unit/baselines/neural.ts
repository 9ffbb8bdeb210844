// Golden checks of the neural systems beside RecVAE, to 1e-4: one step of each, and an evaluation.
import type { Checks } from "./check.ts";

export const neuralChecks: Checks = {};
