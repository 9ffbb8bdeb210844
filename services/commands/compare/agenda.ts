// What a benchmark is asked for, as rows of its plan: models to compare, the ablation's steps from Mult-VAE to RecVAE,
// the two priors of the stability figure, the blend. Pure.
import { isNeural, type SystemName, systemOf, systems, trainable } from "../../../shared/systems/registry.ts";
import { type AblationRow, ablation } from "./ablation.ts";
import { gridOf, startOf } from "./grids.ts";
import type { Entry, Plan } from "./plan.ts";

export interface Wish {
  readonly models: readonly SystemName[];
  readonly seeds: number;
  readonly budgetSeconds: number;
  readonly ablation: boolean;
  readonly stability: boolean;
  readonly blend: boolean;
}

export interface Agenda {
  readonly plan: Plan;
  /** Rows of the table of results. */
  readonly models: readonly Entry[];
  readonly ablation: readonly AblationRow[];
  /** RecVAE with its composite prior and with the Gaussian one; none where stability is not asked for. */
  readonly priors: readonly Entry[];
}

/** Of the first seed; the others count on from it. */
const FIRST_SEED = 1337;

/** Every row that has a model of its own to fit; the blend is asked for with --blend. */
export const benchmarked: readonly SystemName[] = trainable;
/** Those of the table of results, iALS and popularity: what `--models all` means. */
export const all: readonly SystemName[] = trainable.filter((name) => systemOf(name).grid);

/** `itemsPerUser`: of a training user, on average. */
export function agendaOf(wish: Wish, itemsPerUser: number): Agenda {
  const wishes: readonly string[] = [...wish.models, ...(wish.blend ? blend.startsFrom.map(({ entry }) => entry) : [])];
  const begunWith = wishes.map(startOf);
  const wanted = benchmarked.filter((name) => wishes.includes(name) || begunWith.includes(name));
  const models = [...wanted.map((name) => entryOf(name)), ...(wish.blend ? [blend] : [])];
  const steps = wish.ablation || wish.stability ? ablation(itemsPerUser) : [];
  const priors = wish.stability
    ? ["full", "without prior"].map((id) => steps.find((step) => step.id === id)!.entry)
    : [];
  const ablated = wish.ablation ? steps : [];
  const seeds = Array.from({ length: wish.seeds }, (_, k) => FIRST_SEED + k);
  const entries = [...models, ...ablated.map(({ entry }) => entry), ...(wish.ablation ? [] : priors)];
  return { plan: { entries, seeds, budgetSeconds: wish.budgetSeconds }, models, ablation: ablated, priors };
}

function entryOf(name: SystemName): Entry {
  const { flags, settings, isSeeded } = gridOf(name);
  const start = startOf(name);
  const from = start === undefined ? [] : [{ entry: start, flag: "--from" }];
  return {
    id: name,
    kind: isNeural(name) ? "neural" : "solved",
    model: name,
    flags,
    settings,
    isSeeded,
    startsFrom: from,
  };
}

const blend: Entry = {
  id: "blend",
  kind: "blend",
  model: "blend",
  flags: [],
  settings: [{ name: "weight chosen on validation", flags: [] }],
  isSeeded: false,
  startsFrom: systems.blend.madeOf.map(({ system, flag }) => ({ entry: system, flag })),
};
