// A preset of the neural family turned by flags: what each flag means to it, and which ones it has no use for. Pure;
// the flags themselves are recipe-flags.ts.
import { type Recipe, type Regulariser, recipe } from "../neural/recipe.ts";
import type { Preset, Turned } from "./preset.ts";
import { compositePrior, residualEncoder } from "./recvae/parts.ts";

/** Layers and their widths. */
export type Network = Pick<Recipe, "encoder" | "latent" | "decoder">;

interface Sizes {
  readonly items: number;
  /** Training users, by their largest number. */
  readonly users: number;
  /** The network of the model to begin with, which is the run's where no flag turns it. */
  readonly begun?: Network | undefined;
}

/** Of its hidden layers; undefined without one. */
export const widthOf = ({ encoder }: Pick<Recipe, "encoder">) =>
  encoder.kind === "plain" ? encoder.widths[0] : encoder.width;

export function turnedRecipe(preset: Preset, turned: Turned, { items, users, begun }: Sizes): Recipe {
  const own = preset.recipe;
  const usual = networkOf(preset, begun);
  const hidden = turned.hidden ?? widthOf(usual) ?? widthOf(own)!;
  const hasLayers = turned.decoder === undefined ? usual.decoder.length > 0 : turned.decoder === "tanh";
  const layers =
    turned.layers ?? (usual.encoder.kind === "plain" ? usual.encoder.widths.length : Math.max(1, usual.decoder.length));
  const widths = Array<number>(layers).fill(hidden);
  // In the schema's order, in which a manifest gives it back: two records of the same settings are the same text.
  return recipe.parse({
    ...own,
    items,
    users: preset.ownVectors ? users : 0,
    encoder:
      (turned.encoder ?? usual.encoder.kind) === "plain"
        ? { kind: "plain", widths }
        : { kind: "residual", width: hidden, layerNormEps: residualEncoder.layerNormEps },
    latent: own.latent === null ? null : (turned.latent ?? usual.latent ?? own.latent),
    decoder: hasLayers ? widths : [],
    likelihood: turned.likelihood ?? own.likelihood,
    regulariser: turnedRegulariser(own.regulariser, turned),
    weightDecay: turned.weightDecay ?? own.weightDecay,
    dropoutRate: turned.dropoutRate ?? own.dropoutRate,
    learningRate: turned.learningRate ?? own.learningRate,
    firstValues: turned.firstValues ?? own.firstValues,
    critic: own.critic
      ? {
          epochs: turned.criticEpochs ?? own.critic.epochs,
          learningRate: turned.criticLearningRate ?? own.critic.learningRate,
          l2: own.critic.l2,
        }
      : null,
  } satisfies Recipe);
}

/** Of a preset whose parts are settled, a model to begin with gives the widths alone. */
function networkOf({ recipe: own, settled }: Preset, begun: Network | undefined): Network {
  if (!begun || !settled) return begun ?? own;
  return {
    encoder: begun.encoder.kind === own.encoder.kind ? begun.encoder : own.encoder,
    latent: begun.latent ?? own.latent,
    decoder: own.decoder,
  };
}

function turnedRegulariser(
  usual: Regulariser,
  { prior, gamma, beta, annealSteps, mixtureWeights }: Turned,
): Regulariser {
  if (usual.kind === "none") return usual;
  if ((prior ?? usual.kind) === "standard") {
    const { cap, annealSteps: steps } = usual.kind === "standard" ? usual : theBound;
    return { kind: "standard", gamma: gamma ?? null, cap: beta ?? cap, annealSteps: annealSteps ?? steps };
  }
  const own = usual.kind === "composite" ? usual : compositePrior;
  const weight = beta === undefined ? { gamma: gamma ?? own.gamma, beta: null } : { gamma: null, beta };
  return { ...own, ...weight, mixtureWeights: mixtureWeights ? [...mixtureWeights] : own.mixtureWeights };
}

/** The weight of the KL term that makes the loss a bound of the likelihood. */
const theBound = { cap: 1, annealSteps: 0 };

/** Flags that were given and that the preset has no use for. */
export function useless(
  { recipe: { latent, critic = null }, settled }: Preset,
  { prior, ...turned }: Turned,
): (keyof Turned)[] {
  if (settled) return settled.filter((name) => (name === "prior" ? prior : turned[name]) !== undefined);
  const given = (Object.keys(turned) as (keyof typeof turned)[]).filter((name) => turned[name] !== undefined);
  const isAnnealed = prior !== "composite" && turned.gamma === undefined;
  const unused: readonly (keyof Turned)[] = [
    ...(latent === null ? (["latent", "layers", "gamma", "beta", "encoder"] as const) : []),
    ...(latent === null || !isAnnealed ? (["annealSteps"] as const) : []),
    ...(latent === null || prior !== "composite" ? (["mixtureWeights"] as const) : []),
    ...(critic === null ? (["criticEpochs", "criticLearningRate"] as const) : (["likelihood"] as const)),
  ];
  return [
    ...given.filter((name) => unused.includes(name)),
    ...(latent === null && prior !== undefined ? (["prior"] as const) : []),
  ];
}
