// The engine on TensorFlow's own library, through tfjs-node-gpu's binding; raw kernels where tfjs has no op for them.
import { createRequire } from "node:module";
import util from "node:util";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import { Kernels } from "../kernels/kernels.ts";
import type { Engine, Tf } from "./engine.ts";
import { flatten, positionsOf } from "./lists.ts";

/** What we use of the binding's backend; the package types its insides as `any`. */
interface NativeBackend {
  readonly binding: Binding;
  executeSingleOutput(kernel: string, attributes: object[], inputs: Tensor[]): Tensor;
  getInputTensorIds(tensors: Tensor[]): number[];
  createOutputTensor(handle: Handle): Tensor;
}
/** Below tfjs, which knows no float64, tensors are numbers, and whoever made one deletes it. */
interface Binding extends Readonly<Record<"TF_ATTR_TYPE" | "TF_ATTR_BOOL" | "TF_FLOAT" | "TF_INT32", number>> {
  executeOp(kernel: string, attributes: object[], inputs: number[], outputs: 1): [Handle];
  deleteTensor(id: number): void;
}
interface Handle {
  readonly id: number;
}

/** TensorFlow's number of float64, which the binding has no name for. */
const TF_DOUBLE = 2;
/** Largest matrix that is inverted in float64: input, factors and output take 3.5 GB. One of 20,000 rows takes 4.8 GB in float32, 9.6 in float64. */
const LARGEST_DOUBLE = 12_000;

export async function openTensorflow(threads: number): Promise<Engine> {
  // TensorFlow reads these once, when its library is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "0"; // no faster here, and one path of products for every shape
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS = "1";
  const old = util as { isNullOrUndefined?: (value: unknown) => boolean };
  old.isNullOrUndefined ??= (value) => value === null || value === undefined; // Node 23 took it away, tfjs-node 4.22 calls it

  const tf = createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu") as Tf & { version: Record<string, string> };
  await tf.setBackend("tensorflow");
  tf.env().set("IS_NODE", true);
  const backend = tf.backend() as unknown as NativeBackend;
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT, TF_INT32 } = backend.binding;
  const type = (name: string, value: number) => ({ name, type: TF_ATTR_TYPE, value });
  const flag = (name: string, value: boolean) => ({ name, type: TF_ATTR_BOOL, value });
  const single = type("T", TF_FLOAT);
  const segments = [single, type("Tidx", TF_INT32), type("Tnumsegments", TF_INT32), type("Tsegmentids", TF_INT32)];

  /** Deletes the tensor with this number. */
  function take(id: number, work: () => [Handle]): Handle {
    try {
      return work()[0];
    } finally {
      backend.binding.deleteTensor(id);
    }
  }
  const cast = (id: number, from: number, to: number) =>
    backend.binding.executeOp("Cast", [type("SrcT", from), type("DstT", to), flag("Truncate", false)], [id], 1);

  return {
    name: "tensorflow",
    version: tf.version["tfjs-node"] ?? "",
    threads,
    tf,
    kernels: new Kernels(threads),
    matMul(a, b, transposeA = false, transposeB = false) {
      const attributes = [single, flag("transpose_a", transposeA), flag("transpose_b", transposeB)];
      return backend.executeSingleOutput("MatMul", attributes, [a, b]) as Tensor2D;
    },
    sumRows(table, lists) {
      const flat = flatten(lists);
      return tf.tidy(() => {
        const inputs = [table, tf.tensor1d(flat.entries, "int32"), tf.tensor1d(flat.lists, "int32"), tf.scalar(lists.length, "int32")];
        return backend.executeSingleOutput("SparseSegmentSumWithNumSegments", segments, inputs) as Tensor2D;
      });
    },
    subtractAt(matrix, columns, values) {
      const positions = positionsOf(columns);
      const each = Float32Array.from({ length: positions.length / 2 }, (_, k) => values[positions[2 * k]!]!);
      return tf.tidy(() => {
        const inputs = [matrix, tf.tensor2d(positions, [each.length, 2]), tf.tensor1d(each)];
        return backend.executeSingleOutput("TensorScatterSub", [single, type("Tindices", TF_INT32)], inputs) as Tensor2D;
      });
    },
    inverse(matrix) {
      const adjoint = flag("adjoint", false);
      if (matrix.shape[0] > LARGEST_DOUBLE) return backend.executeSingleOutput("MatrixInverse", [single, adjoint], [matrix]) as Tensor2D;
      const [double] = cast(backend.getInputTensorIds([matrix])[0]!, TF_FLOAT, TF_DOUBLE);
      const inverse = take(double.id, () => backend.binding.executeOp("MatrixInverse", [type("T", TF_DOUBLE), adjoint], [double.id], 1));
      return backend.createOutputTensor(take(inverse.id, () => cast(inverse.id, TF_DOUBLE, TF_FLOAT))) as Tensor2D;
    },
  };
}
