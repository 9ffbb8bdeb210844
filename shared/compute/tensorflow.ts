// The engine on TensorFlow's own library, through tfjs-node-gpu's binding; raw kernels where tfjs has no op for them.
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import util from "node:util";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { AppError } from "../errors/errors.ts";
import { CPU } from "../runtime/gpu/facts.ts";
import { gpus, takeGpu } from "../runtime/gpu/machine.ts";
import type { Engine } from "./engine.ts";
import { keepCompiled } from "./graph/kept.ts";
import { type GraphBinding, openSession, type Wishes } from "./graph/session.ts";
import { type Doubles, invert } from "./inverse.ts";
import { Kernels } from "./kernels/kernels.ts";
import { flatten, positionsOf } from "./lists.ts";

/** What we use of the binding's backend. */
interface NativeBackend {
  executeSingleOutput(
    kernel: string,
    attributes: { name: string; type: number; value: number | boolean }[],
    inputs: Tensor[],
  ): Tensor;
}

/** Below tfjs, which knows no float64, a tensor is a number, and whoever made it deletes it. */
interface Binding
  extends GraphBinding,
    Readonly<Record<"TF_ATTR_TYPE" | "TF_ATTR_BOOL" | "TF_FLOAT" | "TF_INT32", number>> {
  executeOp(kernel: string, attributes: object[], inputs: number[], outputs: 1): [{ readonly id: number }];
  /** Whether that is where it puts tensors, and so where their products run. */
  isUsingGpuDevice(): boolean;
}

/** TensorFlow's number of float64, which the binding has no name for. */
const TF_DOUBLE = 2;
/** Rows of a matrix that are eliminated at once: 8 MB a block. */
const BLOCK = 1024;

/** `graphs`: as the engine `graph`, which runs networks as a whole; what is not wished is chosen by the device. */
export async function openTensorflow(threads: number, graphs?: Partial<Wishes>): Promise<Omit<Engine, "isWished">> {
  // TensorFlow reads these once, when its library is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ||= "2";
  process.env.TF_ENABLE_ONEDNN_OPTS ||= "0"; // no faster here, and one path of products for every shape
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS = "1";
  const require = createRequire(import.meta.url);
  const compiles = graphs && (graphs.compiled ?? gpus().type === "usable");
  const kept = compiles ? keepCompiled(process.env, libraryOf(require), graphs.say ?? say) : undefined;
  // Else XLA takes whichever product was the fastest in a trial of its own: other bits in another process.
  if (graphs) process.env.XLA_FLAGS = `--xla_gpu_autotune_level=0 ${process.env.XLA_FLAGS ?? ""}`.trimEnd();
  const old = util as { isNullOrUndefined?: (value: unknown) => boolean };
  // Node 23 took it away, tfjs-node 4.22 calls it
  old.isNullOrUndefined ??= (value) => value === null || value === undefined;

  // The binding comes first: where it was not built, tfjs is left to the wasm engine.
  const { binding, device } = openBinding(require);
  const { tf, version, useBinding } = await import("./tfjs-node.ts");
  const backend: NativeBackend = await useBinding(binding as never);
  const { TF_FLOAT, TF_INT32 } = binding;
  const { type, flag } = attributesOf(binding);
  const single = type("T", TF_FLOAT);
  const segments = [single, type("Tidx", TF_INT32), type("Tnumsegments", TF_INT32), type("Tsegmentids", TF_INT32)];

  const doubles = doublesOn(binding);
  let compileMs = 0;
  const compiledIn = (ms: number) => {
    compileMs += ms;
  };
  const wishes = { compiled: device !== CPU, say, kept, compiledIn };

  return {
    name: graphs ? "graph" : "tensorflow",
    version,
    threads,
    device,
    tf,
    kernels: new Kernels(threads),
    matMul(a, b, transposeA = false, transposeB = false) {
      const attributes = [single, flag("transpose_a", transposeA), flag("transpose_b", transposeB)];
      return backend.executeSingleOutput("MatMul", attributes, [a, b]) as Tensor2D;
    },
    sumRows(table, lists) {
      const flat = flatten(lists);
      return tf.tidy(() => {
        const inputs = [
          table,
          tf.tensor1d(flat.entries, "int32"),
          tf.tensor1d(flat.lists, "int32"),
          tf.scalar(lists.length, "int32"),
        ];
        return backend.executeSingleOutput("SparseSegmentSumWithNumSegments", segments, inputs) as Tensor2D;
      });
    },
    subtractAt(matrix, columns, values) {
      const positions = positionsOf(columns);
      const each = Float32Array.from({ length: positions.length / 2 }, (_, k) => values[positions[2 * k]!]!);
      return tf.tidy(() => {
        const inputs = [matrix, tf.tensor2d(positions, [each.length, 2]), tf.tensor1d(each)];
        return backend.executeSingleOutput(
          "TensorScatterSub",
          [single, type("Tindices", TF_INT32)],
          inputs,
        ) as Tensor2D;
      });
    },
    inverse: (matrix, size, ridge = 0, block = BLOCK) => invert(doubles, matrix, size, block, ridge),
    compileSeconds: () => compileMs / 1000,
    ...(graphs && { openSession: (program) => openSession(binding, program, { ...wishes, ...graphs }) }),
  };
}

/** Throws GPU_FAILED: what TensorFlow has begun on a GPU it cannot take to the CPU in the same process. */
function openBinding(require: NodeJS.Require) {
  const gpu = takeGpu();
  try {
    const binding: Binding = require("@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node");
    const isGpu = binding.isUsingGpuDevice();
    if (isGpu) tryProduct(binding);
    return { binding, device: gpu.computesOn(isGpu) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === "MODULE_NOT_FOUND" || code === "ERR_DLOPEN_FAILED";
    if (gpu.hoped === CPU || isMissing) throw error;
    throw new AppError(
      "GPU_FAILED",
      { what: `TensorFlow cannot compute on ${gpu.hoped}: ${message}` },
      { cause: error },
    );
  }
}

/** A GPU that is seen need not compute: without memory for cuBLAS it does not. */
function tryProduct(binding: Binding): void {
  const factor = binding.createTensor([1, 1], binding.TF_FLOAT, Float32Array.of(3));
  const { type, flag } = attributesOf(binding);
  const attributes = [type("T", binding.TF_FLOAT), flag("transpose_a", false), flag("transpose_b", false)];
  const [{ id }] = binding.executeOp("MatMul", attributes, [factor, factor], 1);
  const [product] = binding.tensorDataSync(id);
  for (const each of [factor, id]) binding.deleteTensor(each);
  if (product !== 9) throw new Error(`3 times 3 is ${product} there`);
}

/** Stands for the version of TensorFlow's library: its bytes. */
function libraryOf(require: NodeJS.Require): string {
  const folder = dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json"));
  return String(statSync(join(folder, "deps/lib/libtensorflow_cc.so.2")).size);
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** What a kernel is made with, as the binding takes it. */
const attributesOf = ({ TF_ATTR_TYPE, TF_ATTR_BOOL }: Binding) => ({
  type: (name: string, value: number) => ({ name, type: TF_ATTR_TYPE, value }),
  flag: (name: string, value: boolean) => ({ name, type: TF_ATTR_BOOL, value }),
});

function doublesOn(binding: Binding): Doubles {
  const { type, flag } = attributesOf(binding);
  const double = type("T", TF_DOUBLE);
  const execute = (kernel: string, attributes: object[], ...inputs: number[]) =>
    binding.executeOp(kernel, attributes, inputs, 1)[0].id;
  const cast = (id: number, from: number, to: number) =>
    execute("Cast", [type("SrcT", from), type("DstT", to), flag("Truncate", false)], id);
  /** What `work` makes of a tensor, which is deleted then. */
  const spending = <T>(id: number, work: (id: number) => T): T => {
    try {
      return work(id);
    } finally {
      binding.deleteTensor(id);
    }
  };
  return {
    from: (values, rows, columns) =>
      spending(binding.createTensor([rows, columns], binding.TF_FLOAT, values), (id) =>
        cast(id, binding.TF_FLOAT, TF_DOUBLE),
      ),
    read: (id) =>
      spending(cast(id, TF_DOUBLE, binding.TF_FLOAT), (single) => binding.tensorDataSync(single) as Float32Array),
    product: (a, b, transposeA = false, transposeB = false) =>
      execute("MatMul", [double, flag("transpose_a", transposeA), flag("transpose_b", transposeB)], a, b),
    difference: (a, b) => execute("Sub", [double], a, b),
    inverse: (a) => execute("MatrixInverse", [double, flag("adjoint", false)], a),
    negative: (a) => execute("Neg", [double], a),
    free: (id) => binding.deleteTensor(id),
  };
}
