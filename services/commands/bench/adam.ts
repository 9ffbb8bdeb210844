// One Adam step of the whole first layer, by every way that there is: TensorFlow's kernel, typed arrays, and the
// kernels in use. Milliseconds beside each other.
import type { Tensor } from "@tensorflow/tfjs-core";
import { uniform } from "../../../shared/compute/draws.ts";
import type { Engine } from "../../../shared/compute/engine.ts";
import { Kernels, type Moving } from "../../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../../shared/compute/kernels/lists.ts";
import { median } from "./figures.ts";

const RATE = { t: 1, learningRate: 5e-4 };
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8] as const;
const SEED = 1337;

/** From a dense gradient, and from the gradients of the users' bags, which is what a step has. */
interface Times {
  readonly dense: number;
  readonly fromBags: number;
}

export interface AdamTimes {
  /** ResourceApplyAdam on variables of TensorFlow's own, with the engine's threads; null on another engine. */
  readonly tensorflow: Times | null;
  readonly typedArrays: Pick<Times, "dense">;
  /** One thread and two. */
  readonly wasm1: Times;
  readonly wasm2: Times;
}

export async function adamTimes(engine: Engine, items: number, hidden: number, users: SparseRows): Promise<AdamTimes> {
  const gradient = uniform(SEED, 1, 0.01, new Float32Array(items * hidden));
  const dBags = uniform(SEED, 2, 0.01, new Float32Array(users.rows.length * hidden));
  const step = { gradient, dBags, items, hidden, users };
  return {
    tensorflow: engine.name === "tensorflow" ? tensorflow(engine, step) : null,
    typedArrays: { dense: typedArrays(gradient) },
    wasm1: await kernels(1, step),
    wasm2: await kernels(2, step),
  };
}

interface FirstLayerStep {
  readonly gradient: Float32Array;
  readonly dBags: Float32Array;
  readonly items: number;
  readonly hidden: number;
  readonly users: SparseRows;
}

async function kernels(threads: number, { gradient, dBags, hidden, users }: FirstLayerStep): Promise<Times> {
  const kernels = new Kernels(threads);
  const { memory } = kernels;
  const table: Moving = {
    weights: memory.zeros(gradient.length),
    m: memory.zeros(gradient.length),
    v: memory.zeros(gradient.length),
  };
  const [denseGradient, placed] = [memory.place(gradient), memory.place(dBags)];
  const dense = median(() => kernels.adam(table, [denseGradient], RATE));
  const fromBags = median(() => kernels.adamOfBags(table, hidden, placed, users, RATE));
  await kernels.close();
  return { dense, fromBags };
}

function typedArrays(gradient: Float32Array): number {
  const [weights, m, v] = [0, 1, 2].map(() => new Float32Array(gradient.length)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const rate = RATE.learningRate / (1 - BETA1);
  const correction = 1 / Math.sqrt(1 - BETA2);
  return median(() => {
    for (let k = 0; k < gradient.length; k++) {
      const g = gradient[k]!;
      m[k] = BETA1 * m[k]! + (1 - BETA1) * g;
      v[k] = BETA2 * v[k]! + (1 - BETA2) * g * g;
      weights[k]! -= (rate * m[k]!) / (Math.sqrt(v[k]!) * correction + EPSILON);
    }
  });
}

/** What we use of the binding beyond engine.ts: variables live in TensorFlow, since tfjs has none of its kind. */
interface Binding {
  readonly binding: Readonly<
    Record<"TF_ATTR_TYPE" | "TF_ATTR_BOOL" | "TF_ATTR_SHAPE" | "TF_ATTR_STRING" | "TF_FLOAT", number>
  >;
  executeSingleOutput(kernel: string, attributes: object[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(kernel: string, attributes: object[], inputs: Tensor[], outputs: number): Tensor[];
}

function tensorflow(engine: Engine, { gradient, dBags, items, hidden, users }: FirstLayerStep): Times {
  const { tf } = engine;
  const backend = tf.backend() as unknown as Binding;
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_ATTR_SHAPE, TF_ATTR_STRING, TF_FLOAT } = backend.binding;
  const float = (name: string) => ({ name, type: TF_ATTR_TYPE, value: TF_FLOAT });
  const text = (name: string, value: string) => ({ name, type: TF_ATTR_STRING, value });
  const off = (name: string) => ({ name, type: TF_ATTR_BOOL, value: false });
  const shape = [items, hidden];
  const variable = (name: string) => {
    const attributes = [
      float("dtype"),
      { name: "shape", type: TF_ATTR_SHAPE, value: shape },
      text("container", ""),
      text("shared_name", name),
    ];
    const handle = backend.executeSingleOutput("VarHandleOp", attributes, []);
    tf.tidy(() => backend.executeMultipleOutputs("AssignVariableOp", [float("dtype")], [handle, tf.zeros(shape)], 0));
    return handle;
  };
  const handles = ["weights", "m", "v"].map(variable);
  // the first two are their powers, t = 1
  const scalars = [BETA1, BETA2, RATE.learningRate, BETA1, BETA2, EPSILON].map((value) => tf.scalar(value));
  const gradient_IH = tf.tensor2d(gradient, [items, hidden]);
  const dBags_BH = tf.tensor2d(dBags, [users.rows.length, hidden]);
  const holders = holdersOf(users, items);
  const attributes = [float("T"), off("use_locking"), off("use_nesterov")];
  const apply = (grad: Tensor) =>
    backend.executeMultipleOutputs("ResourceApplyAdam", attributes, [...handles, ...scalars, grad], 0);
  const dense = median(() => apply(gradient_IH));
  const fromBags = median(() => {
    const summed = engine.sumRows(dBags_BH, holders);
    apply(summed);
    summed.dispose();
  });
  for (const handle of handles)
    backend.executeMultipleOutputs("DestroyResourceOp", [off("ignore_lookup_error")], [handle], 0);
  for (const tensor of [...handles, ...scalars, gradient_IH, dBags_BH]) tensor.dispose();
  return { dense, fromBags };
}

/** For each item the users that hold it. */
function holdersOf({ rows }: SparseRows, items: number): Int32Array[] {
  const holders: number[][] = Array.from({ length: items }, () => []);
  rows.forEach((row, user) => {
    for (const item of row) holders[item]!.push(user);
  });
  return holders.map((list) => Int32Array.from(list));
}
