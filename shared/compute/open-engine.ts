// Opens the engine that is wanted, or the best that there is.
import { AppError } from "../errors/errors.ts";
import { CPU } from "../runtime/gpu/facts.ts";
import { gpus } from "../runtime/gpu/machine.ts";
import type { Engine, EngineName, EngineWanted } from "./engine.ts";
import type { Wishes } from "./graph/session.ts";
import { openTensorflow } from "./tensorflow.ts";
import { openWasm } from "./wasm.ts";

export interface EngineWish {
  /** Absent where nothing is trained: `auto`, but for whole graphs. */
  readonly wanted?: EngineWanted;
  readonly threads?: number;
  /** Of the graph engine: whether XLA compiles, and who is told of it. Chosen by the device where nothing is said. */
  readonly graphs?: Partial<Wishes>;
}

type Opened = Omit<Engine, "isWished">;

const openers: Readonly<Record<EngineName, (threads: number, graphs: Partial<Wishes>) => Promise<Opened>>> = {
  graph: openTensorflow,
  tensorflow: (threads) => openTensorflow(threads),
  wasm: openWasm,
};

/** By what the machine has, in the order in which they are tried. */
const best = { gpu: ["graph", "tensorflow", "wasm"], cpu: ["tensorflow", "wasm"] } as const satisfies Record<
  string,
  EngineName[]
>;

/** `on`: what TensorFlow is thought to train on. */
export const candidates = (wanted: EngineWanted, on: keyof typeof best): readonly EngineName[] =>
  wanted === "auto" ? best[on] : [wanted];

/**
 * The first that opens; one that does not is told. Throws AppError ENGINE_MISSING when the wanted engine, or any at
 * all, can't be loaded, GPU_FAILED where a GPU that looked well does not compute; never falls back to tfjs's plain
 * JavaScript backend.
 */
export async function openEngine({ wanted, threads = 1, graphs = {} }: EngineWish = {}): Promise<Engine> {
  const isTrained = wanted !== undefined && gpus().type === "usable";
  const [name, ...others] = candidates(wanted ?? "auto", isTrained ? "gpu" : "cpu");
  const opened = await openFirst(name!, others, (each) => openers[each](threads, graphs));
  const isWished = wanted !== undefined && wanted !== "auto";
  return { ...(isWished || opened.device !== CPU ? opened : withoutGraphs(opened)), isWished };
}

/** Of a GPU that TensorFlow then did not take: on a CPU the graph is slower than our kernels. */
function withoutGraphs({ openSession: _, ...opened }: Opened): Opened {
  return { ...opened, name: opened.name === "graph" ? "tensorflow" : opened.name };
}

type Opener = (name: EngineName) => Promise<Opened>;

async function openFirst(name: EngineName, others: readonly EngineName[], open: Opener): Promise<Opened> {
  try {
    return await attempt(name, open);
  } catch (error) {
    const [next, ...rest] = others;
    if (next === undefined || (error as AppError).code !== "ENGINE_MISSING") throw error;
    const slower = next === "wasm" ? ", about 6 times slower" : "";
    process.stderr.write(`${(error as Error).message}. Using the ${next} engine${slower}.\n`);
    return openFirst(next, rest, open);
  }
}

async function attempt(name: EngineName, open: Opener): Promise<Opened> {
  try {
    const engine = await open(name);
    const backend = engine.tf.getBackend();
    if (backend !== (name === "wasm" ? "wasm" : "tensorflow"))
      throw new Error(`asked for ${name}, tfjs runs on "${backend}"`);
    return engine;
  } catch (error) {
    if (error instanceof AppError) throw error;
    const [what] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new AppError("ENGINE_MISSING", { what: `the ${name} engine doesn't load: ${what}` }, { cause: error });
  }
}
