// The arithmetic behind the model: TensorFlow's native library, or WebAssembly where it isn't built. Everything the
// model needs from either stands here; open-engine.ts opens one.
import type { Tensor2D, default as tfjs } from "@tensorflow/tfjs-core";
import type { Program } from "./graph/node.ts";
import type { Session } from "./graph/session.ts";
import type { Ridge } from "./inverse.ts";
import type { Kernels } from "./kernels/kernels.ts";

export type Tf = typeof tfjs;
/** `graph` is TensorFlow's library too; a network then is one graph, run as a whole. */
export const engineNames = ["graph", "tensorflow", "wasm"] as const;
export type EngineName = (typeof engineNames)[number];
/** What `--engine` takes. */
export const engineWishes = ["auto", ...engineNames] as const;
export type EngineWanted = (typeof engineWishes)[number];

export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  readonly threads: number;
  /** Named by the user, so what it cannot compute is refused; chosen for the machine it is computed another way. */
  readonly isWished: boolean;
  /** Where its products run, as it was asked after one: `GPU 0: NVIDIA H200`, `CPU`. */
  readonly device: string;
  /** The tfjs library that owns the backend; only one engine is active in a process. */
  readonly tf: Tf;
  /**
   * For what stands between the products, where a dozen small operations of the library would take longer than one of
   * ours.
   */
  readonly kernels: Kernels;
  /** a·b, either transposed first. */
  matMul(a: Tensor2D, b: Tensor2D, transposeA?: boolean, transposeB?: boolean): Tensor2D;
  /** For each list of row numbers the sum of those rows of the table, `[lists, columns]`; an empty list gives zeros. */
  sumRows(table: Tensor2D, lists: readonly Int32Array[]): Tensor2D;
  /** The matrix without `values[row]` at each of the row's listed columns: a sparse subtraction, no dense operand. */
  subtractAt(matrix: Tensor2D, columns: readonly Int32Array[], values: ArrayLike<number>): Tensor2D;
  /**
   * Puts the inverse of a symmetric positive definite matrix, `ridge` added to its diagonal, [size, size] by rows, in
   * its place; computed in float64, `block` rows at once, yielding the share that is done in between. Throws when it
   * has none. Absent where the backend has no kernel for it, as wasm.
   */
  inverse?(matrix: Float32Array, size: number, ridge?: Ridge, block?: number): Generator<number, void>;
  /** What XLA has taken so far. */
  compileSeconds(): number;
  /** Loads a program whose routines run as a whole. The graph engine's alone. */
  openSession?(program: Program): Session;
}
