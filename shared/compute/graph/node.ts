// A graph of TensorFlow's as we build it: nodes that know their type and shape. What cannot be is refused when it is
// built, by name, not when it runs. operations.ts makes nodes, saved-model.ts writes them down.

export type DType = "float32" | "float64" | "int32" | "int64" | "bool";

/** How long: a number, or the name of a size that is known when the graph runs. */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

export interface Constant {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A value that a node is made with. */
export type Attribute =
  | { readonly type: DType }
  | { readonly flag: boolean }
  | { readonly count: number }
  | { readonly constant: Constant };

/** One operation and what it gives. */
export interface Node {
  /** TensorFlow's name of the operation. */
  readonly op: string;
  /** TensorFlow's name of its one output: inside a function it is part of every reference. */
  readonly output: string;
  readonly from: readonly Node[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Of an input or a variable. */
  readonly name?: string;
}

/** What a run does to variables, once all that it computes has been computed. */
export interface Update {
  /** TensorFlow's name of the operation, which gives nothing. */
  readonly op: string;
  /** Names of the variables that are its first operands. */
  readonly variables: readonly string[];
  readonly from: readonly Node[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** What one run computes: named inputs to named outputs. */
export interface Routine {
  /** All of them are given at every run, those too that no output asks for. */
  readonly inputs: readonly Node[];
  readonly outputs: Readonly<Record<string, Node>>;
  readonly updates?: readonly Update[];
  /**
   * A run goes through it `count` times, each time with inputs of its own, `[steps, ...]` of each, and with the
   * variables as the time before left them. Outputs, scalars, are summed.
   */
  readonly repeated?: true;
  /** XLA leaves it alone: it moves memory and computes next to nothing. */
  readonly plain?: true;
}

/** What is fed to a run. */
export function fedTo({ inputs, repeated }: Routine): readonly Node[] {
  if (!repeated) return inputs;
  return [countOfSteps, ...inputs.map((each) => ({ ...each, shape: ["steps", ...each.shape] }))];
}

const countOfSteps: Node = {
  ...{ op: "Placeholder", output: "output", from: [], name: "count", dtype: "int32", shape: [] },
  attributes: { dtype: { type: "int32" } },
};

/** Variables, which stay on the device from run to run, and the routines that read and update them. */
export interface Program {
  readonly variables: Readonly<Record<string, readonly number[]>>;
  readonly routines: Readonly<Record<string, Routine>>;
}

/** Every node that outputs and updates ask for, each once, behind those that it is made from. */
export function inOrder({ inputs, outputs, updates = [] }: Routine): Node[] {
  const found = new Set<Node>(inputs);
  // a list of its own, not recursion: a graph may be thousands of nodes deep
  const open = [...Object.values(outputs), ...updates.flatMap(({ from }) => from)].toReversed();
  while (open.length > 0) {
    const node = open.at(-1)!;
    const missing = found.has(node) ? [] : node.from.filter((each) => !found.has(each));
    if (missing.length > 0) open.push(...missing);
    else {
      found.add(node);
      open.pop();
    }
  }
  return [...found];
}

/** Numbers of a shape whose names have these sizes. Throws where one has none. */
export function sized(shape: Shape, sizes: Readonly<Record<string, number>>): number[] {
  return shape.map((dimension) => {
    const size = typeof dimension === "number" ? dimension : sizes[dimension];
    if (size === undefined) throw new Error(`no size of ${dimension}`);
    return size;
  });
}

export const described = ({ op, name, dtype, shape }: Node) => `${name ?? op} ${dtype} [${shape.join(", ")}]`;
