// The arithmetic behind the model: TensorFlow's native library, or WebAssembly where it isn't built. Everything the model needs from either stands here.
import type { Tensor2D, default as tfjs } from "@tensorflow/tfjs-core";
import type { Kernels } from "../kernels/kernels.ts";
import { AppError } from "../runtime/errors.ts";
import { openTensorflow } from "./tensorflow.ts";
import { openWasm } from "./wasm.ts";

export type Tf = typeof tfjs;
type EngineName = "tensorflow" | "wasm";

export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  readonly threads: number;
  /** The tfjs library that owns the backend; only one engine is active in a process. */
  readonly tf: Tf;
  /** For what stands between the products, where a dozen small operations of the library would take longer than one of ours. */
  readonly kernels: Kernels;
  /** a·b, either transposed first. */
  matMul(a: Tensor2D, b: Tensor2D, transposeA?: boolean, transposeB?: boolean): Tensor2D;
  /** For each list of row numbers the sum of those rows of the table, `[lists, columns]`; an empty list gives zeros. */
  sumRows(table: Tensor2D, lists: readonly Int32Array[]): Tensor2D;
  /** The matrix without `values[row]` at each of the row's listed columns: a sparse subtraction, no dense operand. */
  subtractAt(matrix: Tensor2D, columns: readonly Int32Array[], values: ArrayLike<number>): Tensor2D;
  /**
   * Puts the inverse of a symmetric positive definite matrix + ridge 1, [size, size] by rows, in its place; computed in float64, `block` rows at once, yielding
   * the share that is done in between. Throws when it has none. Absent where the backend has no kernel for it, as wasm.
   */
  inverse?(matrix: Float32Array, size: number, ridge?: number, block?: number): Generator<number, void>;
}

export interface EngineWish {
  /** Without it: TensorFlow, and wasm with a notice where TensorFlow can't be loaded. */
  readonly wanted?: EngineName;
  readonly threads?: number;
}

/** Throws AppError ENGINE_MISSING when the wanted engine, or any at all, can't be loaded; never falls back to tfjs's plain JavaScript backend. */
export async function openEngine({ wanted, threads = 1 }: EngineWish = {}): Promise<Engine> {
  if (wanted === "wasm") return attempt("wasm", () => openWasm());
  try {
    return await attempt("tensorflow", () => openTensorflow(threads));
  } catch (error) {
    if (wanted === "tensorflow") throw error;
    process.stderr.write(`${(error as Error).message}. Using the wasm engine, about 6 times slower.\n`);
    return attempt("wasm", () => openWasm());
  }
}

async function attempt(name: EngineName, open: () => Promise<Engine>): Promise<Engine> {
  try {
    const engine = await open();
    const backend = engine.tf.getBackend();
    if (backend !== name) throw new Error(`asked for ${name}, tfjs runs on "${backend}"`);
    return engine;
  } catch (error) {
    const [what] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new AppError("ENGINE_MISSING", { what: `the ${name} engine doesn't load: ${what}` }, { cause: error });
  }
}
