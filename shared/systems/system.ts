// THE CONTRACT: what a system is to everybody else. A folder of shared/systems/ makes one, a line of registry.ts names
// it; train, server, evaluate, serve, benchmark, manifests and --help follow from that. docs/guides/add-a-system.md
// goes through one. Most systems are made by solved.ts, neural.ts: those fill in what is the same for all of a kind.
// Shapes: B users, I items.
import type { z } from "zod";
import type { Engine } from "../compute/engine.ts";
import type { Weights } from "../neural/parameters.ts";
import type { Recipe } from "../neural/recipe.ts";
import type { Scorer } from "../neural/scorer.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import type { Making } from "../ranking/vectors.ts";
import type { Threads } from "../runtime/threads.ts";
import type { Grid, Published } from "./benchmarked.ts";
import type { Preset } from "./preset.ts";

/**
 * `neural` ones learn through the parameter server; `solved` ones are fitted in one process; `combined` ones are made
 * of models that are there.
 */
export type System = Neural | Solved | Combined;

/** Settings as a manifest has them; `items` comes from the data. */
export interface Sized {
  readonly items: number;
}

/** What every system is. */
interface Model<C extends Sized> {
  /** Its name in reports, where the registry's is that of flags and manifests. */
  readonly title: string;
  /** Of what its settings look like in a manifest. */
  readonly config: z.ZodType<C>;
  /** Throws CHECKPOINT_CORRUPT when a tensor is missing or has another shape than the settings ask for. */
  check(weights: Weights, config: C): void;
  /** Names of the tensors that have a row for each item. */
  perItem(config: C): string[];
  /** Tensors whose numbers were fitted, where others only say where those stand; without it all of them. */
  readonly fitted?: readonly string[];
  /** Ready to score. The weights have passed `check`, and are not copied. */
  scorer(engine: Engine, config: C, weights: Weights): Scorer;
  /**
   * Vectors of its items, by which two are alike; made of copies of the weights. Absent, or undefined, where it has
   * none.
   */
  vectors?(config: C, weights: Weights): Making | undefined;
  /** What `benchmark` tries of it; without it the usual setting alone, and no row in the table of results. */
  readonly grid?: Grid;
  /** What its paper, or another one, says of it on the data sets of the field. */
  readonly published?: Published;
}

/** Fitted in one process, by its own code, on all cores. */
export interface Solved<C extends Sized = Sized, T extends Tasks = Tasks, S extends Settings = Settings>
  extends Model<C> {
  readonly kind: "solved";
  /** Its settings but for `items`: each is a flag of `train`, a line of its help, a field of the manifest. */
  readonly settings: S;
  /** What threads do for it, by names of its own; a thread finds the task by the system's name and the task's. */
  readonly tasks: T;
  /**
   * Yields the model as it stands after each sweep over the data, once where there is a closed solution. Throws the
   * signal's reason when aborted.
   */
  fit(fitting: Fitting<C, T>): AsyncGenerator<Fitted, void>;
  /** Scores of B users over all items, [B x I], without an engine; as for `scorer`. */
  scores(config: C, weights: Weights): ScoreBatch;
  /** Bytes that the fit takes beside its data, roughly: what would not fit is refused before it starts. */
  memory(config: C, size: Size): number;
}

/** Learns through the parameter server. */
export interface Neural<C extends Sized = Sized> extends Model<C> {
  readonly kind: "neural";
  /**
   * Its recipe where no flag turns it, and the schedule. Its settings are those that turn a recipe: recipe-flags.ts.
   */
  readonly preset: Preset;
  /**
   * Settings and weights of tensors that its authors' own program saved, which stand alone; absent where we read none.
   * Throws CHECKPOINT_CORRUPT.
   */
  readonly fromStateDict?: (tensors: Weights) => { config: C; weights: Weights };
  /** A manifest's settings as the recipe that server, trainers and scorer work with, and back. */
  recipeOf(config: C): Recipe;
  configOf(recipe: Recipe): C;
  /** Bytes that the parameter server takes beside its data, roughly. */
  memory(config: C): number;
}

/** Made of models of other systems. */
export interface Combined<C extends Sized = Sized> extends Model<C> {
  readonly kind: "combined";
  /**
   * The systems whose chosen models make its row of `benchmark`, each with the flag that names the model's directory.
   */
  readonly madeOf: readonly { readonly system: string; readonly flag: string }[];
}

/** A number that can be set. */
export interface Setting {
  readonly rule: z.ZodNumber;
  /** Where none is given. */
  readonly usual: number;
  /** A line of --help, without name and default, which are added. */
  readonly help: string;
}
export type Settings = Readonly<Record<string, Setting>>;

/** Made of what all threads share, once in each of them; then asked for each job. */
export type Task = (shared: never) => (job: never) => unknown;
export type Tasks = Readonly<Record<string, Task>>;

/** What a fit is given. */
export interface Fitting<C, T extends Tasks = Tasks> {
  /** Distinct columns of each training user. */
  readonly rows: readonly Int32Array[];
  readonly config: C;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Told the share of the whole that is done. */
  progress(share: number): void;
  /** All cores on one of the tasks; whoever opens them closes them. `shared` lies in memory that threads share. */
  threads<K extends keyof T & string>(task: K, shared: Parameters<T[K]>[0]): Threads<JobOf<T[K]>, AnswerOf<T[K]>>;
  /** For large products: TensorFlow's library where it is there. */
  engine(): Promise<Engine>;
}
type JobOf<T extends Task> = Parameters<ReturnType<T>>[0];
type AnswerOf<T extends Task> = ReturnType<ReturnType<T>>;

export interface Fitted {
  readonly weights: Weights;
  /** What did the arithmetic, for the report. */
  readonly engine: string;
  /** And on what. */
  readonly device: string;
}

/** Of what a system is fitted to. */
export interface Size {
  readonly users: number;
  /** Pairs of a user and an item. */
  readonly interactions: number;
  /** Users of the item, or items of the user, that has most. */
  readonly longest: number;
  readonly threads: number;
}
