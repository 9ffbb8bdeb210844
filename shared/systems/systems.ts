// The systems that the program knows, by the names that people call them: what their settings are, and what a model of theirs is made of. A new one is a row here
// and one in shared/systems/scorers.ts. Manifests, `train` and whoever opens a model go by this table.
import { z } from "zod";
import { modelConfig } from "../neural/config.ts";
import { decoderItems, embeddingOf, type Weights } from "../neural/parameters.ts";
import { type NeuralConfig, type Recipe, recipe } from "../neural/recipe.ts";
import { checkShapes, mustHave } from "../neural/safetensors.ts";
import { factorShapes, ialsConfig, ialsDefaults, wmfConfig, wmfDefaults } from "../solvers/factors.ts";
import { blendOf, type PartSystem } from "./blend/blend.ts";
import { easeConfig, easeDefaults, easeShapes } from "./ease/ease.ts";
import { type FamilyName, familyNames } from "./pages.ts";
import { popularityConfig, popularityDefaults, popularityShapes } from "./popularity/popularity.ts";
import { slimConfig, slimDefaults } from "./slim/slim.ts";
import { checkSlim, slimNames } from "./slim/slim-weights.ts";

interface System<C> {
  /** `neural` ones learn through the parameter server; `solved` ones are fitted in one process; `combined` ones are made of models that are there. */
  readonly kind: "neural" | "solved" | "combined";
  /** Shape of its settings in a manifest. */
  readonly config: z.ZodType<C>;
  /** Throws CHECKPOINT_CORRUPT when a tensor is missing or has another shape than the settings ask for. */
  check(weights: Weights, config: C): void;
  /** Names of the tensors that have a row for each item. */
  perItem(config: C): string[];
  /** Tensors whose numbers were fitted, where others only say where those stand; without it all of them. */
  readonly fitted?: readonly string[];
}

const system = <C>(of: System<C>): System<C> => of;
/** `usual`: its settings where none are given; `items` comes from the data. */
const solved = <C>(of: Omit<System<C>, "kind"> & { readonly usual: Omit<C, "items"> }) => ({ kind: "solved" as const, ...of });
/** One whose tensors all follow from its settings, and all have a row for each item. */
const ofItems = <C>(config: z.ZodType<C>, usual: Omit<C, "items">, shapes: (config: C) => [string, number[]][]) =>
  solved({
    config,
    usual,
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
  slim: solved({
    config: slimConfig,
    usual: slimDefaults,
    check: checkSlim,
    perItem: () => [slimNames.lengths],
    fitted: [slimNames.weights],
  }),
  wmf: ofItems(wmfConfig, wmfDefaults, factorShapes),
  ials: ofItems(ialsConfig, ialsDefaults, factorShapes),
  popularity: ofItems(popularityConfig, popularityDefaults, popularityShapes),
  blend: blendOf(partSystem),
};

/** Of what a blend may be made of: any system but a blend. */
function partSystem(name: string): PartSystem | undefined {
  const found = Object.entries(systems as Record<string, { kind: string }>).find(([own, { kind }]) => own === name && kind !== "combined");
  return found?.[1] as PartSystem | undefined;
}

export type SystemName = keyof typeof systems;
export type NeuralName = "recvae" | FamilyName;
export const neural: readonly NeuralName[] = ["recvae", ...familyNames];
export type SolvedName = Exclude<SystemName, NeuralName | "blend">;
export type ConfigOf<N extends SystemName> = z.output<(typeof systems)[N]["config"]>;

export const systemNames = Object.keys(systems) as SystemName[];
/** Those that are learned from data: all but combinations of others. */
export const trainable = systemNames.filter((name): name is NeuralName | SolvedName => systems[name].kind !== "combined");
export const isNeural = (name: SystemName): name is NeuralName => systems[name].kind === "neural";

/** Throws CHECKPOINT_CORRUPT when the weights are not what a model of these settings is made of. */
export function checkTensors<N extends SystemName>(model: N, config: ConfigOf<N>, weights: Weights): void {
  rowOf(model).check(weights, config);
}

/** Names of the tensors that have a row for each item. */
export const itemTensors = <N extends SystemName>(model: N, config: ConfigOf<N>): string[] => rowOf(model).perItem(config);

/** Numbers that were fitted. */
export function parametersOf(model: SystemName, weights: Weights): number {
  const names = rowOf(model).fitted ?? Object.keys(weights);
  return names.reduce((sum, name) => sum + weights[name]!.data.length, 0);
}

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
