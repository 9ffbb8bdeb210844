// A blend as one model: its settings hold those of two models, its tensors are theirs under names of their own. So a
// blend is a model directory like any other, with its own hashes, and is served, published and compared as such. How
// the two are mixed: shared/ranking/blend.ts.
import { z } from "zod";
import { AppError } from "../../errors/errors.ts";
import type { Weights } from "../../neural/parameters.ts";
import type { Scorer } from "../../neural/scorer.ts";
import { blended } from "../../ranking/blend.ts";
import { joinedVectors, type Making } from "../../ranking/vectors.ts";
import type { Combined, Neural, Sized, Solved } from "../system.ts";

const part = z.strictObject({
  /** Name of its system. */
  model: z.string(),
  /** Its own settings; what they look like is the system's to say, when the tensors are checked. */
  config: z.looseObject({ items: z.number().int().positive() }),
  /** Of the file of weights that it was made from. */
  sha256: z.string(),
});

export const blendConfig = z.strictObject({
  items: z.number().int().positive(),
  /** Share of the first part, see shared/ranking/blend.ts. */
  weight: z.number().min(0).max(1),
  parts: z.tuple([part, part]),
});
export type BlendConfig = z.output<typeof blendConfig>;

/** What stands before the names of each part's tensors. */
const prefixes = ["first.", "second."] as const;

/** The tensors of both, not copied. */
export function joinTensors(parts: readonly [Weights, Weights]): Weights {
  const renamed = parts.flatMap((weights, k) =>
    Object.entries(weights).map(([name, tensor]) => [`${prefixes[k]}${name}`, tensor]),
  );
  return Object.fromEntries(renamed);
}

/** The tensors of one part under their own names, not copied. */
function tensorsOf(blend: Weights, which: 0 | 1): Weights {
  const prefix = prefixes[which];
  const own = Object.entries(blend).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** `partOf` looks up the system of a part, and knows no combinations. */
export function blendOf(partOf: (name: string) => Neural | Solved | undefined): Combined<BlendConfig> {
  const eachPart = <T>({ parts }: BlendConfig, body: (system: Neural | Solved, config: Sized, which: 0 | 1) => T) =>
    parts.map(({ model, config }, k) => {
      const system = partOf(model);
      const parsed = system?.config.safeParse(config);
      if (!system || !parsed?.success)
        throw new AppError("CHECKPOINT_CORRUPT", {
          what: `part ${k + 1} of the blend is no model of a system of ours: ${model}`,
        });
      return body(system, parsed.data, k === 0 ? 0 : 1);
    });
  return {
    kind: "combined",
    title: "RecVAE + EASE",
    config: blendConfig,
    check(weights, config) {
      const other = config.parts.find(({ config: { items } }) => items !== config.items);
      if (other)
        throw new AppError("CHECKPOINT_CORRUPT", {
          what: `a part of ${other.config.items} items in a blend of ${config.items}`,
        });
      eachPart(config, (system, own, which) => system.check(tensorsOf(weights, which), own));
    },
    perItem: (config) =>
      eachPart(config, (system, own, which) => system.perItem(own).map((name) => `${prefixes[which]}${name}`)).flat(),
    scorer(engine, config, weights) {
      const [first, second] = eachPart(config, (system, own, which) =>
        system.scorer(engine, own, tensorsOf(weights, which)),
      ) as [Scorer, Scorer];
      return {
        scoreBatch: blended(first.scoreBatch, second.scoreBatch, config.weight),
        dispose() {
          first.dispose();
          second.dispose();
        },
      };
    },
    vectors(config, weights) {
      const own = [config.weight, 1 - config.weight];
      const makings = eachPart(config, (system, settings, which) =>
        system.vectors?.(settings, tensorsOf(weights, which)),
      ).flatMap((making, k) => (making ? [{ making, weight: own[k]! }] : []));
      return makings.length === 0 ? undefined : together(makings);
    },
    madeOf: [
      { system: "recvae", flag: "--checkpoint" },
      { system: "ease", flag: "--with" },
    ],
  };
}

/** A part without vectors leaves its weight to the others. */
function* together(parts: readonly { readonly making: Making; readonly weight: number }[]): Making {
  const all = parts.reduce((sum, { weight }) => sum + weight, 0);
  const made = [];
  for (const { making, weight } of parts)
    made.push({ vectors: yield* making, weight: all > 0 ? weight / all : 1 / parts.length });
  return joinedVectors(made);
}
