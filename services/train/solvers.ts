// How each solved system is fitted: training rows and settings in, one model after another out, each as good as the last or better. solved.ts judges them.
import { openEngine } from "../../shared/engine/engine.ts";
import { easeObstacle, solveEase, weightsName } from "../../shared/model/ease.ts";
import type { Weights } from "../../shared/model/parameters.ts";
import { countUsers } from "../../shared/model/popularity.ts";
import type { ConfigOf, SolvedName } from "../../shared/model/systems.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { finish } from "../../shared/runtime/finish.ts";

export interface Fitting<C> {
  /** Distinct columns of each training user. */
  readonly rows: readonly Int32Array[];
  readonly config: C;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Told the share of the whole that is done. */
  readonly progress: (share: number) => void;
}

export interface Fitted {
  readonly weights: Weights;
  /** What did the arithmetic. */
  readonly engine: string;
}

/** Yields the model as it stands after each sweep over the data; systems with a closed solution yield once. Throws the signal's reason when aborted. */
export type Solver<C> = (fitting: Fitting<C>) => AsyncGenerator<Fitted, void>;

export const solvers: { readonly [N in SolvedName]: Solver<ConfigOf<N>> } = {
  async *ease({ rows, config: { items, lambda }, threads, signal, progress }) {
    const engine = await openEngine({ threads });
    const obstacle = easeObstacle(engine, items);
    if (obstacle !== null) throw new AppError("MODEL_TOO_LARGE", { what: `EASE cannot be solved here: ${obstacle}` });
    const { weights_II } = await finish(solveEase(engine, rows, items, lambda), signal, progress);
    yield { weights: { [weightsName]: { shape: [items, items], data: weights_II } }, engine: `${engine.name} ${engine.version}` };
  },
  async *popularity({ rows, config: { items } }) {
    yield { weights: countUsers(rows, items), engine: "javascript" };
  },
};
