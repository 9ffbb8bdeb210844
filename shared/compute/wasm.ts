// The engine on tfjs's WebAssembly backend: runs everywhere, one thread, about six times slower than TensorFlow.
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { CPU } from "../runtime/gpu/facts.ts";
import type { Engine, Tf } from "./engine.ts";
import { Kernels } from "./kernels/kernels.ts";
import { flatten } from "./lists.ts";

export async function openWasm(): Promise<Omit<Engine, "isWished">> {
  const require = createRequire(import.meta.url);
  const tf = require("@tensorflow/tfjs-core") as Tf;
  const wasm = require("@tensorflow/tfjs-backend-wasm") as typeof import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")) + sep);
  await tf.setBackend("wasm");
  await tf.ready();

  return {
    name: "wasm",
    version: wasm.version_wasm,
    threads: 1,
    device: CPU,
    tf,
    kernels: new Kernels(),
    compileSeconds: () => 0,
    matMul(a, b, transposeA = false, transposeB = false) {
      // matMul's own transposing is twelve times slower than turning the matrix first
      return tf.tidy(() => tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b));
    },
    sumRows(table, lists) {
      const flat = flatten(lists);
      const columns = table.shape[1];
      if (flat.entries.length === 0) return tf.zeros([lists.length, columns]);
      return tf.tidy(() => {
        const sums = tf.sparse.sparseSegmentSum(
          table,
          tf.tensor1d(flat.entries, "int32"),
          tf.tensor1d(flat.lists, "int32"),
        ) as Tensor2D;
        return tf.pad(sums, [
          [0, lists.length - sums.shape[0]], // the kernel stops at the last list that has entries
          [0, 0],
        ]);
      });
    },
    subtractAt(matrix, columns, values) {
      const [rows, width] = matrix.shape;
      const data = matrix.dataSync<"float32">(); // a copy: the backend has no scatter that subtracts
      columns.forEach((list, row) => {
        for (const column of list) data[row * width + column]! -= values[row]!;
      });
      return tf.tensor2d(data, [rows, width]);
    },
  };
}
