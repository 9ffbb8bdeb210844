// Denoising VAE (Im et al. 2017): the VAE with half of each user's items dropped from what it is shown. Source:
// docs/design/baselines.md#mult-vae.
import { neural } from "../neural.ts";
import { weighed } from "../vae/vae.ts";

export const dvae = neural({ title: "DVAE", preset: weighed(1, 0.5) });
