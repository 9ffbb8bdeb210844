// A part computed, and its answer: what each kind of arithmetic takes and gives, and the tensors of each kind of
// answer. Between compute.ts and the network's port.
import { criticShapes } from "../../shared/neural/critic.ts";
import type { EncoderPart, Network, Posterior } from "../../shared/neural/network.ts";
import { type Group, shapesOf, type Weights } from "../../shared/neural/parameters.ts";
import { bagWidth, latentOf, type Recipe, usesOldPosterior } from "../../shared/neural/recipe.ts";
import { ndcg, rankingOf, recall } from "../../shared/ranking/metrics.ts";
import type { Arithmetic, Output } from "../../shared/training/phases.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";

/** What a part is computed from; what its phase does not need is empty. */
export interface Given extends EncoderPart {
  readonly targets: readonly Int32Array[];
  /** Whether the decoder's gradients are wanted too. */
  readonly joint: boolean;
}

/** What came out of a part; a kind that its phase does not give is absent. */
interface Computed {
  readonly reconstruction?: number;
  readonly kl?: number;
  readonly gradients?: Weights;
  readonly dBag_BH?: Float32Array;
  readonly posterior?: Posterior | undefined;
  readonly metrics?: Float32Array;
}

export const arithmetic: Readonly<Record<Arithmetic, (network: Network, given: Given) => Computed>> = {
  posterior: (network, { bag_BH }) => ({ posterior: network.posterior(bag_BH) }),
  encoder: (network, given) => network.encoder(given, given.joint),
  decoder: (network, given) => network.decoder(given),
  critic: (network, given) => network.critic({ ...given, ...given.forCritic! }),
  score: (network, { bag_BH, rows, targets }) => ({ metrics: judge(network.score(bag_BH), rows, targets) }),
};

/** The tensors of each kind of answer. */
export const answers: Readonly<Record<Output, (computed: Computed, config: Recipe, users: number) => WireTensor[]>> = {
  hidden: ({ gradients }, config) => listed(gradients!, "hidden", config),
  decoder: ({ gradients }, config) => listed(gradients!, "decoder", config),
  critic: ({ gradients }) => criticShapes.map(([name, shape]) => ({ name, shape, data: gradients![name]!.data })),
  firstLayer: ({ dBag_BH }, config, users) => [{ name: "dBag", shape: [users, bagWidth(config)], data: dBag_BH! }],
  posterior: ({ posterior }, config, users) => {
    const shape = [users, latentOf(config)];
    const { mu_BL, logvar_BL } = posterior!;
    return [
      { name: "mu", shape, data: mu_BL },
      { name: "logvar", shape, data: logvar_BL },
    ];
  },
  nextOld: (computed, config, users) => (usesOldPosterior(config) ? answers.posterior(computed, config, users) : []),
  metrics: ({ metrics }, _, users) => [{ name: "metrics", shape: [users, metrics!.length / users], data: metrics! }],
};

/** NDCG@100, Recall@20, Recall@50 of each user, [users x 3]. */
function judge(logits_BI: Float32Array, foldIns: readonly Int32Array[], targets: readonly Int32Array[]): Float32Array {
  const items = logits_BI.length / foldIns.length;
  return Float32Array.from(
    foldIns.flatMap((foldIn, user) => {
      const target = targets[user]!;
      const top = rankingOf(logits_BI.subarray(user * items, (user + 1) * items), foldIn, 100);
      return [ndcg(top, target, 100), recall(top, target, 20), recall(top, target, 50)];
    }),
  );
}

/** A group's gradients in the order that the server expects. */
const listed = (gradients: Weights, group: Group, config: Recipe): WireTensor[] =>
  shapesOf(group, config).map(([name, shape]) => ({ name, shape, data: gradients[name]!.data }));
