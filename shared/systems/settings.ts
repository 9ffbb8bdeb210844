// A page of the neural family turned by flags: what each flag means to it, and which ones it has no use for. Pure; the flags themselves are shared/training/knobs.ts.
import { defaults, type ModelConfig } from "../neural/config.ts";
import { type Recipe, type Regulariser, recipe } from "../neural/recipe.ts";
import type { Page } from "./page.ts";

/** What was asked for; absent: as the page has it. */
export interface Turned {
  readonly gamma?: number | undefined;
  readonly beta?: number | undefined;
  readonly annealSteps?: number | undefined;
  readonly prior?: "standard" | "composite" | undefined;
  readonly mixtureWeights?: ModelConfig["mixtureWeights"] | undefined;
  readonly hidden?: number | undefined;
  readonly latent?: number | undefined;
  /** tanh layers of the encoder, and of the decoder where that has any. */
  readonly layers?: number | undefined;
  readonly encoder?: "plain" | "residual" | undefined;
  readonly decoder?: "linear" | "tanh" | undefined;
  readonly likelihood?: Recipe["likelihood"] | undefined;
  readonly weightDecay?: number | undefined;
  readonly dropoutRate?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly firstValues?: Recipe["firstValues"] | undefined;
  readonly criticEpochs?: number | undefined;
  readonly criticLearningRate?: number | undefined;
}

/** Layers and their widths. */
export type Network = Pick<Recipe, "encoder" | "latent" | "decoder">;

interface Sizes {
  readonly items: number;
  /** Training users, by their largest number. */
  readonly users: number;
  /** The network of the model to begin with, which is the run's where no flag turns it. */
  readonly begun?: Network | undefined;
}

const widthOf = ({ encoder }: Pick<Recipe, "encoder">) => (encoder.kind === "plain" ? encoder.widths[0] : encoder.width);

export function turnedRecipe(page: Page, turned: Turned, { items, users, begun }: Sizes): Recipe {
  const own = page.recipe;
  const usual: Network = begun ?? own;
  const hidden = turned.hidden ?? widthOf(usual) ?? widthOf(own)!;
  const hasLayers = turned.decoder === undefined ? usual.decoder.length > 0 : turned.decoder === "tanh";
  const layers = turned.layers ?? (usual.encoder.kind === "plain" ? usual.encoder.widths.length : Math.max(1, usual.decoder.length));
  const widths = Array<number>(layers).fill(hidden);
  // In the schema's order, in which a manifest gives it back: two records of the same settings are the same text.
  return recipe.parse({
    ...own,
    items,
    users: page.ownVectors ? users : 0,
    encoder:
      (turned.encoder ?? usual.encoder.kind) === "plain"
        ? { kind: "plain", widths }
        : { kind: "residual", width: hidden, layerNormEps: defaults.layerNormEps },
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

function turnedRegulariser(usual: Regulariser, { prior, gamma, beta, annealSteps, mixtureWeights }: Turned): Regulariser {
  if (usual.kind !== "standard") return usual;
  if (prior !== "composite")
    return { kind: "standard", gamma: gamma ?? null, cap: beta ?? usual.cap, annealSteps: annealSteps ?? usual.annealSteps };
  const weight = beta === undefined ? { gamma: gamma ?? defaults.gamma, beta: null } : { gamma: null, beta };
  const { wideLogVariance } = defaults;
  return { kind: "composite", ...weight, mixtureWeights: mixtureWeights ?? defaults.mixtureWeights, wideLogVariance };
}

/** Flags that were given and that the page has no use for. */
export function useless({ recipe: { latent, critic = null } }: Page, { prior, ...turned }: Turned): (keyof Turned)[] {
  const given = (Object.keys(turned) as (keyof typeof turned)[]).filter((name) => turned[name] !== undefined);
  const isAnnealed = prior !== "composite" && turned.gamma === undefined;
  const unused: readonly (keyof Turned)[] = [
    ...(latent === null ? (["latent", "layers", "gamma", "beta", "encoder"] as const) : []),
    ...(latent === null || !isAnnealed ? (["annealSteps"] as const) : []),
    ...(latent === null || prior !== "composite" ? (["mixtureWeights"] as const) : []),
    ...(critic === null ? (["criticEpochs", "criticLearningRate"] as const) : (["likelihood"] as const)),
  ];
  return [...given.filter((name) => unused.includes(name)), ...(latent === null && prior !== undefined ? (["prior"] as const) : [])];
}

/** Flags of the family that RecVAE, whose parts are settled, has no use for. */
export const settledInRecVae = [
  "annealSteps",
  "prior",
  "encoder",
  "layers",
  "decoder",
  "likelihood",
  "weightDecay",
  "firstValues",
  "criticEpochs",
  "criticLearningRate",
] as const satisfies readonly (keyof Turned)[];
