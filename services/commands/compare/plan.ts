// Which trial is next: every model's usual setting first, then the rest of the grids in turn, then further seeds of
// what was chosen. Pure; run.ts runs the trials.
import type { GridPoint } from "../../../shared/systems/benchmarked.ts";

/** Those of the flags that are numbers, by name without the dashes. */
export const numbersIn = (flags: readonly string[]): ReadonlyMap<string, number> =>
  new Map(
    flags
      .map((flag) => flag.replace(/^--/, "").split("=") as [string, string])
      .flatMap(([name, value]) => (Number.isFinite(Number(value)) ? [[name, Number(value)] as const] : [])),
  );

/** A row of the report, tuned for itself. */
export interface Entry {
  readonly id: string;
  /** `neural` rows take trainers and a limit of time, `solved` ones neither; a `blend` is made of other rows. */
  readonly kind: "neural" | "solved" | "blend";
  readonly model: string;
  /** The same for all its trials. */
  readonly flags: readonly string[];
  /** The usual one first. */
  readonly settings: readonly GridPoint[];
  /** Whether its draws depend on a seed; what is solved in closed form has one answer. */
  readonly isSeeded: boolean;
  /** Rows whose chosen models it begins with, each with the flag that names the model's directory. */
  readonly startsFrom: readonly { readonly entry: string; readonly flag: string }[];
}

export interface Plan {
  readonly entries: readonly Entry[];
  /** The first one tunes; the others repeat the chosen setting. */
  readonly seeds: readonly number[];
  /** For the tuning of each entry, all its trials together. */
  readonly budgetSeconds: number;
}

export interface Trial {
  /** Says all that decides its outcome; the folder below the benchmark's. Entries that want the same trial share it. */
  readonly id: string;
  readonly entry: Entry;
  readonly setting: GridPoint;
  readonly seed: number;
  /** Trials that it begins with, each with its flag. */
  readonly from: readonly { readonly trial: string; readonly flag: string }[];
  /** Of the entry's budget. */
  readonly secondsLeft: number;
}

/** What became of a trial. */
export interface Tried {
  /** Of the process, all attempts together. */
  readonly seconds: number;
  /** NDCG@100 of the validation users at the best epoch; null when the trial failed or was stopped without any. */
  readonly validation: number | null;
}

/** By the trial's id. */
export type Results = ReadonlyMap<string, Tried>;

/** Undefined where nothing can be started now: all is done, or what is left waits for what runs. */
export function next(plan: Plan, tried: Results, running: ReadonlySet<string>): Trial | undefined {
  const wishes = plan.entries.flatMap((entry) => {
    const { depth, wish } = wishOf(plan, entry, tried);
    // An entry that runs wants nothing else: its budget is a span of time, and --jobs changes neither order nor outcome
    // of its trials.
    return wish && !running.has(wish.id) ? [{ depth, wish }] : [];
  });
  return wishes.reduce<(typeof wishes)[number] | undefined>((a, b) => (a && a.depth <= b.depth ? a : b), undefined)
    ?.wish;
}

/** The next trial of an entry, and how many it has behind it. */
function wishOf(
  plan: Plan,
  entry: Entry,
  tried: Results,
): { readonly depth: number; readonly wish: Trial | undefined } {
  const trials = tuningTrials(plan, entry, tried) ?? [];
  const before = trials.filter(({ id }) => tried.has(id));
  const secondsLeft = leftOf(plan, before, tried);
  const wish = isWorthwhile(secondsLeft, before, tried) ? trials.find(({ id }) => !tried.has(id)) : undefined;
  if (wish) return { depth: before.length, wish: { ...wish, secondsLeft } };
  const further = furtherSeeds(plan, entry, tried);
  const open = further.findIndex(({ id }) => !tried.has(id));
  return { depth: before.length + Math.max(0, open), wish: further[open] };
}

const leftOf = (plan: Plan, before: readonly Trial[], tried: Results) =>
  plan.budgetSeconds - before.reduce((sum, { id }) => sum + tried.get(id)!.seconds, 0);

/** A trial that can have less than half of what the longest one took says little of its setting. */
const isWorthwhile = (left: number, before: readonly Trial[], tried: Results) =>
  left > 0 && left >= Math.max(0, ...before.map(({ id }) => tried.get(id)!.seconds)) / 2;

/** The trials of its grid, in order; undefined while what it starts from is not chosen, or never will be. */
function tuningTrials(plan: Plan, entry: Entry, tried: Results): Trial[] | undefined {
  const from = sourcesOf(plan, entry, tried);
  return from && entry.settings.map((setting) => trialOf(plan, entry, setting, plan.seeds[0]!, from));
}

function sourcesOf(plan: Plan, entry: Entry, tried: Results): Trial["from"] | undefined {
  const from = entry.startsFrom.flatMap(({ entry: id, flag }) => {
    const source = plan.entries.find((each) => each.id === id)!;
    const trial = isTuned(plan, source, tried) ? chosen(plan, source, tried) : undefined;
    return trial ? [{ trial: trial.id, flag }] : [];
  });
  return from.length === entry.startsFrom.length ? from : undefined;
}

/** Whether all was tried that the budget allows. */
export function isTuned(plan: Plan, entry: Entry, tried: Results): boolean {
  const trials = tuningTrials(plan, entry, tried);
  if (!trials) return false;
  const before = trials.filter(({ id }) => tried.has(id));
  return before.length === trials.length || !isWorthwhile(leftOf(plan, before, tried), before, tried);
}

/** Those of its grid that were tried, in the grid's order. */
export const triedOf = (plan: Plan, entry: Entry, tried: Results): Trial[] =>
  tuningTrials(plan, entry, tried)?.filter(({ id }) => tried.has(id)) ?? [];

/** The trial that is best on validation, the earlier of equals. */
export function chosen(plan: Plan, entry: Entry, tried: Results): Trial | undefined {
  const figure = (trial: Trial) => tried.get(trial.id)!.validation;
  return triedOf(plan, entry, tried)
    .filter((trial) => figure(trial) !== null)
    .reduce<Trial | undefined>((best, trial) => (best && figure(best)! >= figure(trial)! ? best : trial), undefined);
}

/** The chosen setting under every other seed. */
export function furtherSeeds(plan: Plan, entry: Entry, tried: Results): Trial[] {
  const best = entry.isSeeded ? chosen(plan, entry, tried) : undefined;
  return best ? plan.seeds.slice(1).map((seed) => trialOf(plan, entry, best.setting, seed, best.from)) : [];
}

function trialOf(plan: Plan, entry: Entry, setting: GridPoint, seed: number, from: Trial["from"]): Trial {
  const parts = [
    setting.flags.map((flag) => flag.replace(/^--/, "")).join(",") || "usual",
    ...from.map(({ trial }) => `from-${trial.replaceAll("/", ".")}`),
    ...(seed === plan.seeds[0] ? [] : [`seed-${seed}`]),
  ];
  const id = `${entry.model}/${parts.join("+").replaceAll(/[^\w.,=+-]/g, "_")}`;
  return { id, entry, setting, seed, from, secondsLeft: plan.budgetSeconds };
}

/** How many trials there can be at most, for the progress bar; one that two entries share counts once. */
export function mostTrials({ entries, seeds }: Plan): number {
  const tuning = new Set(
    entries.flatMap(({ model, settings }) => settings.map(({ flags }) => [model, ...flags].join(" "))),
  );
  return tuning.size + entries.filter(({ isSeeded }) => isSeeded).length * (seeds.length - 1);
}
