// The systems that the program knows, by the names that people call them: what their settings are, and what a model of theirs is made of. A new one is a row here
// and one in shared/ranking/scorers.ts. Manifests, `train` and whoever opens a model go by this table.
import { z } from "zod";
import { checkShapes, mustHave } from "./checkpoint.ts";
import { modelConfig } from "./config.ts";
import { easeConfig, easeDefaults, easeShapes } from "./ease.ts";
import { type FamilyName, familyNames } from "./family/pages.ts";
import { decoderItems, embeddingOf, type Weights } from "./parameters.ts";
import { type NeuralConfig, type Recipe, recipe } from "./recipe.ts";
import { popularityConfig, popularityDefaults, popularityShapes } from "./popularity.ts";

interface System<C> {
  /** `neural` ones learn through the parameter server; `solved` ones are fitted in one process. */
  readonly kind: "neural" | "solved";
  /** Shape of its settings in a manifest. */
  readonly config: z.ZodType<C>;
  /** Throws CHECKPOINT_CORRUPT when a tensor is missing or has another shape than the settings ask for. */
  check(weights: Weights, config: C): void;
  /** Names of the tensors that have a row for each item. */
  perItem(config: C): string[];
}

const system = <C>(of: System<C>): System<C> => of;
/** Settings of a solved system; `items` comes from the data. */
type Settings<C> = Omit<C, "items">;
/** One whose tensors all follow from its settings, and all have a row for each item. */
const ofItems = <C>(
  config: z.ZodType<C>,
  usual: Settings<C>,
  shapes: (config: C) => [string, number[]][],
): System<C> & { readonly usual: Settings<C> } => ({
  kind: "solved",
  usual,
  config,
  check: (weights, settings) => mustHave(weights, shapes(settings)),
  perItem: (settings) => shapes(settings).map(([name]) => name),
});
/** One that the parameter server trains: its tensors follow from its recipe. */
const learned = <C extends NeuralConfig>(config: z.ZodType<C>) =>
  system<C>({ kind: "neural", config, check: checkShapes, perItem: (of) => [embeddingOf(of), ...Object.values(decoderItems(of))] });
const family = Object.fromEntries(familyNames.map((name) => [name, learned(recipe)])) as Record<FamilyName, System<Recipe>>;

export const systems = {
  recvae: learned(modelConfig),
  ...family,
  ease: ofItems(easeConfig, easeDefaults, easeShapes),
  popularity: ofItems(popularityConfig, popularityDefaults, popularityShapes),
};

export type SystemName = keyof typeof systems;
export type NeuralName = "recvae" | FamilyName;
export const neural: readonly NeuralName[] = ["recvae", ...familyNames];
export type SolvedName = Exclude<SystemName, NeuralName>;
export type ConfigOf<N extends SystemName> = z.output<(typeof systems)[N]["config"]>;

export const systemNames = Object.keys(systems) as SystemName[];
export const isNeural = (name: SystemName): name is NeuralName => systems[name].kind === "neural";

/** Throws CHECKPOINT_CORRUPT when the weights are not what a model of these settings is made of. */
export function checkTensors<N extends SystemName>(model: N, config: ConfigOf<N>, weights: Weights): void {
  rowOf(model).check(weights, config);
}

/** Names of the tensors that have a row for each item. */
export const itemTensors = <N extends SystemName>(model: N, config: ConfigOf<N>): string[] => rowOf(model).perItem(config);

/** TypeScript does not see by itself that a row fits its own name. */
const rowOf = <N extends SystemName>(model: N) => systems[model] as unknown as System<ConfigOf<N>>;

/** A flag that names one of `names`. Another name is refused with the one that it is most like. */
export const systemFlag = <N extends SystemName>(names: readonly N[]) =>
  z.string().transform((text, context): N => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    const message = `no such system; did you mean ${nearest(text, names)}? There are ${names.join(", ")}`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

/** The one that takes the fewest letters to change, the first of several. */
function nearest<N extends string>(text: string, names: readonly N[]): N {
  const distances = names.map((name) => editDistance(text.toLowerCase(), name));
  return names[distances.indexOf(Math.min(...distances))]!;
}

/** Letters to put in, leave out or replace (Levenshtein 1966), one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
