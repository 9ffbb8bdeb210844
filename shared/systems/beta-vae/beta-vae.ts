// beta-VAE (Higgins et al. 2017): weighs the KL term less than the bound does; for rankings more than 1 is worse (Liang
// et al. 2018). Source: docs/design/baselines.md#mult-vae.
import { neural } from "../neural.ts";
import { weighed } from "../vae/vae.ts";

export const betaVae = neural({ title: "beta-VAE", preset: weighed(0.2, 0) });
