// The neural systems beside RecVAE by their names: a new one is a page and a line here. knobs.ts turns a page by the flags that were given.
import { cdae } from "./cdae/cdae.ts";
import { multDae } from "./mult-dae/mult-dae.ts";
import { multVae } from "./mult-vae/mult-vae.ts";
import { lambdaNet, warpNet } from "./mult-vae/ranks.ts";
import type { Page } from "./page.ts";
import { ract } from "./ract/ract.ts";
import { betaVae, denoisingVae, vae } from "./vae/vae.ts";

export const pages = {
  "mult-vae": multVae,
  "mult-dae": multDae,
  cdae,
  warp: warpNet,
  lambdanet: lambdaNet,
  ract,
  vae,
  "beta-vae": betaVae,
  dvae: denoisingVae,
} as const satisfies Record<string, Page>;

/** Whether it goes on from a model of Mult-VAE. */
export const isFineTuned = (name: string): boolean => (pages as Record<string, Page>)[name]?.fineTuned === true;

export type FamilyName = keyof typeof pages;
export const familyNames = Object.keys(pages) as FamilyName[];
