// Opens the engine that is wanted, or the best that there is.
import { AppError } from "../errors/errors.ts";
import type { Engine, EngineName } from "./engine.ts";
import { openTensorflow } from "./tensorflow.ts";
import { openWasm } from "./wasm.ts";

export interface EngineWish {
  /** Without it: TensorFlow, and wasm with a notice where TensorFlow can't be loaded. */
  readonly wanted?: EngineName;
  readonly threads?: number;
}

/**
 * Throws AppError ENGINE_MISSING when the wanted engine, or any at all, can't be loaded; never falls back to tfjs's
 * plain JavaScript backend.
 */
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
