// The paper's ablation: five features between Mult-VAE and RecVAE, added one after another, and each left out of the
// whole. Pure; `benchmark --ablation` runs it.

/** In the order of the paper's table (Shenbin et al. 2020, table 3). */
export const features = [
  "new encoder",
  "composite prior",
  "beta rescaling",
  "alternating training",
  "no denoising for the decoder",
] as const;

export interface AblationStep {
  readonly id: string;
  readonly has: Readonly<Record<(typeof features)[number], boolean>>;
  readonly model: "recvae" | "mult-vae";
  /** Of `train`, beside those of the model's grid. */
  readonly flags: readonly string[];
}

/**
 * `gamma`: what the full model has. `itemsPerUser`: of a training user, on average. Without rescaling the KL term has
 * one weight for all users: gamma times that number, so that it is as heavy as with rescaling on average, and only its
 * spread over users is left out.
 */
export function ablation(gamma: number, itemsPerUser: number): AblationStep[] {
  const usual = [`--gamma=${gamma}`];
  const constant = [`--beta=${Number((gamma * itemsPerUser).toPrecision(3))}`];
  const gaussian = ["--mixture-weights=1,0,0"];
  const joint = ["--no-alternating"];
  const noisy = ["--decoder-noise"];
  /** What else makes Mult-VAE's network learn as RecVAE does. */
  const asRecvae = ["--prior=composite", "--alternating", "--encoder-passes=3", "--learning-rate=0.0005"];
  const step = (
    id: string,
    pattern: string,
    parts: readonly (readonly string[])[],
    model: AblationStep["model"] = "recvae",
  ): AblationStep => ({
    id,
    has: Object.fromEntries(features.map((feature, k) => [feature, pattern[k] === "x"])) as AblationStep["has"],
    model,
    flags: parts.flat(),
  });
  return [
    step("Mult-VAE", ".....", [], "mult-vae"),
    step("encoder alone", "x....", [constant, gaussian, joint]),
    step("with prior", "xx...", [constant, joint]),
    step("with rescaling", "xxx..", [usual, joint]),
    step("with alternating", "xxxx.", [usual, noisy]),
    step("full", "xxxxx", [usual]),
    step("without encoder", ".xxxx", [usual, asRecvae], "mult-vae"),
    step("without prior", "x.xxx", [usual, gaussian]),
    step("without rescaling", "xx.xx", [constant]),
  ];
}
