// The paper's ablation: five features between Mult-VAE and RecVAE, added one after another, and each left out of the whole. Pure.
import { gridOf } from "./grids.ts";
import type { Entry } from "./plan.ts";

/** In the order of the paper's table. */
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
  readonly entry: Entry;
}

/**
 * `itemsPerUser`: of a training user, on average. Without rescaling the KL term has one weight for all users: gamma times that number, so that it is as heavy as with
 * rescaling on average, and only its spread over users is left out.
 */
export function ablation(itemsPerUser: number): AblationStep[] {
  const usual = gridOf("recvae").settings[0]!.flags;
  const gamma = Number(usual.find((flag) => flag.startsWith("--gamma="))!.slice("--gamma=".length));
  const constant = [`--beta=${Number((gamma * itemsPerUser).toPrecision(3))}`];
  const gaussian = ["--mixture-weights=1,0,0"];
  const joint = ["--not-alternating"];
  // Mult-VAE's encoder of one tanh layer, and all else as RecVAE has it.
  const plain = [
    "--encoder=plain",
    "--decoder=linear",
    "--prior=composite",
    "--no-not-alternating",
    "--encoder-passes=3",
    "--learning-rate=0.0005",
  ];
  return [
    step("none", ".....", "mult-vae", []),
    step("encoder alone", "x....", "recvae", [...constant, ...gaussian, ...joint]),
    step("with prior", "xx...", "recvae", [...constant, ...joint]),
    step("with rescaling", "xxx..", "recvae", [...usual, ...joint]),
    step("with alternating", "xxxx.", "recvae", [...usual, "--decoder-noise"]),
    step("full", "xxxxx", "recvae", usual),
    step("without encoder", ".xxxx", "mult-vae", [...usual, ...plain]),
    step("without prior", "x.xxx", "recvae", [...usual, ...gaussian]),
    step("without rescaling", "xx.xx", "recvae", constant),
  ];
}

/** `pattern`: an x for each feature that is there. */
function step(id: string, pattern: string, model: string, flags: readonly string[]): AblationStep {
  return {
    id,
    has: Object.fromEntries(features.map((feature, k) => [feature, pattern[k] === "x"])) as AblationStep["has"],
    entry: {
      id: `ablation: ${id}`,
      kind: "neural",
      model,
      flags: gridOf(model).flags,
      settings: [{ name: id, flags }],
      isSeeded: true,
      startsFrom: [],
    },
  };
}
