// What can be set of a neural system: the flags that turn a recipe, whichever system it is of. turned.ts says what each
// means to a preset.
import { z } from "zod";
import { firstValues, likelihoods, mixtureWeights, sumsToOne } from "../neural/recipe.ts";
import type { Preset, Turned } from "./preset.ts";
import { criticFlags } from "./ract/critic-flags.ts";
import { compositePrior } from "./recvae/parts.ts";
import { defaultSystem, type NeuralName, neuralNames, systemOf } from "./registry.ts";
import { widthOf } from "./turned.ts";

const size = () => z.coerce.number().int().min(1);

/** "A,B,C" on the command line. */
const mixture = z.string().transform((text, context): readonly [number, number, number] => {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const { data } = mixtureWeights.safeParse(numbers);
  if (data && sumsToOne(data)) return data;
  context.addIssue({ code: "custom", message: "give three numbers from 0 to 1 that sum to 1, such as 0.15,0.75,0.1" });
  return z.NEVER;
});

/** What follows "default": the default system's value, and of the others those that have another. */
export function usualOf(of: (preset: Preset) => unknown): string {
  const ownOf = (name: NeuralName) => of(systemOf(name).preset);
  const own = ownOf(defaultSystem);
  const others = neuralNames.filter((name) => ownOf(name) !== own && ownOf(name) !== null);
  const values = [...new Set(others.map(ownOf))];
  const differing = values.map(
    (value) => `, ${value} for ${others.filter((name) => ownOf(name) === value).join(", ")}`,
  );
  return `(default ${own}${differing.join("")})`;
}

/** Where a default depends on the system there is none here: it stands in the system's preset. */
export const recipeFlags = {
  gamma: z.coerce
    .number()
    .min(0)
    .optional()
    .describe(`weight of the KL term per item of a user (default ${compositePrior.gamma} of the composite prior)`),
  beta: z.coerce
    .number()
    .min(0)
    .optional()
    .describe("weight of the KL term instead of --gamma; where it is annealed, the cap"),
  annealSteps: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      "updates in which the weight of the KL term would grow from 0 to 1; it stops at --beta, and with 0 stands " +
        "there at once",
    ),
  prior: z
    .enum(["standard", "composite"])
    .optional()
    .describe("what the KL term compares with: a standard normal, in closed form, or RecVAE's mixture"),
  encoder: z.enum(["plain", "residual"]).optional().describe("a tanh layer, or RecVAE's five layers with skips"),
  layers: z.coerce
    .number()
    .int()
    .min(0)
    .max(4)
    .optional()
    .describe(
      "tanh layers before the latent, and as many behind it unless the decoder is linear (default 1 of those that " +
        "have one)",
    ),
  decoder: z.enum(["linear", "tanh"]).optional().describe("one linear layer, or a tanh layer before it"),
  likelihood: z
    .enum(likelihoods)
    .optional()
    .describe(`of a user's items: ${likelihoods.join(", ")}`),
  firstValues: z
    .enum(firstValues)
    .optional()
    .describe("weights to begin with: PyTorch's, as RecVAE's, or Xavier's with small biases"),
  weightDecay: z.coerce.number().min(0).optional().describe("factor of the sum of all squared weights in the loss"),
  hidden: size()
    .optional()
    .describe(`width of the hidden layers ${usualOf(({ recipe }) => widthOf(recipe))}`),
  latent: size()
    .optional()
    .describe(`dimensions of the latent ${usualOf(({ recipe }) => recipe.latent)}`),
  learningRate: z.coerce
    .number()
    .positive()
    .optional()
    .describe(`of both Adams ${usualOf(({ recipe }) => recipe.learningRate)}`),
  dropoutRate: z.coerce
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe(`share of a user's items dropped in encoder passes ${usualOf(({ recipe }) => recipe.dropoutRate)}`),
  ...criticFlags,
  mixtureWeights: mixture
    .optional()
    .describe(
      "of the composite prior's parts: standard normal, old posterior, wide normal; 1,0,0 is the Gaussian prior " +
        `(default ${compositePrior.mixtureWeights})`,
    ),
} satisfies { readonly [F in keyof Turned]-?: z.ZodType<Turned[F]> };
