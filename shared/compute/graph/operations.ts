// The operations that our graphs are made of, one page: each checks types and shapes and says which node it refused.
import { type Attribute, type Constant, type Dimension, type DType, described, type Node, type Shape } from "./node.ts";

/** A number stands for a constant of that value, of the other operand's type. */
type Operand = Node | number;

/** A named value that is given at every run. */
export function input(name: string, dtype: DType, shape: Shape): Node {
  return { op: "Placeholder", output: "output", from: [], attributes: { dtype: { type: dtype } }, dtype, shape, name };
}

/** A variable of the program as it is when the run begins. */
export function variable(name: string, shape: readonly number[]): Node {
  const attributes = { dtype: { type: "float32" } } as const;
  return { op: "ReadVariableOp", output: "value", from: [], attributes, dtype: "float32", shape, name };
}

/** What is the same at every run. */
export function constant(values: readonly number[], dtype: DType, shape: readonly number[] = [values.length]): Node {
  const value: Constant = { dtype, shape, values };
  const attributes = { dtype: { type: dtype }, value: { constant: value } } as const;
  return { op: "Const", output: "output", from: [], attributes, dtype, shape };
}

/** An operation on numbers of any one type: attribute T, and what else it is made with. */
function ofOneType(
  op: string,
  output: string,
  from: readonly Node[],
  shape: Shape,
  attributes: Readonly<Record<string, Attribute>> = {},
): Node {
  const { dtype } = from[0]!;
  for (const node of from) mustBe(node.dtype === dtype, op, [from[0]!, node], "are of two types");
  return { op, output, from, attributes: { T: { type: dtype }, ...attributes }, dtype, shape };
}

export function mustBe(holds: boolean, op: string, nodes: readonly Node[], what: string): void {
  if (!holds) throw new Error(`${op}: ${nodes.map(described).join(" and ")} ${what}`);
}

/** Of a pair of shapes, ends aligned: equal, or 1 on one side. */
function broadcast(op: string, a: Node, b: Node): Shape {
  const shape: Dimension[] = [];
  for (let back = 1; back <= Math.max(a.shape.length, b.shape.length); back++) {
    const [left = 1, right = 1] = [a.shape.at(-back), b.shape.at(-back)];
    mustBe(left === right || left === 1 || right === 1, op, [a, b], "do not fit");
    shape.unshift(left === 1 ? right : left);
  }
  return shape;
}

const pairwise = (op: string) => (a: Operand, b: Operand) => {
  const { dtype } = [a, b].find((each) => typeof each !== "number") as Node;
  const [left, right] = [a, b].map((each) => (typeof each === "number" ? constant([each], dtype, []) : each));
  return ofOneType(op, "z", [left!, right!], broadcast(op, left!, right!));
};
export const add = pairwise("AddV2");
export const subtract = pairwise("Sub");
export const multiply = pairwise("Mul");
export const divide = pairwise("RealDiv");
export const maximum = pairwise("Maximum");
/** Of whole numbers. */
export const bitAnd = pairwise("BitwiseAnd");
export const bitXor = pairwise("BitwiseXor");
export const shiftRight = pairwise("RightShift");
/** a >= b. */
export const notLess = (a: Operand, b: Operand): Node => ({ ...pairwise("GreaterEqual")(a, b), dtype: "bool" });

const each =
  (op: string, output = "y") =>
  (a: Node) => {
    mustBe(a.dtype === "float32" || a.dtype === "float64", op, [a], "is not of floats");
    return ofOneType(op, output, [a], a.shape);
  };
export const exp = each("Exp");
export const log = each("Log");
export const negate = each("Neg");
export const square = each("Square");
export const squareRoot = each("Sqrt");
export const cosine = each("Cos");
export const sine = each("Sin");
export const tanh = each("Tanh");
export const sigmoid = each("Sigmoid");
export const absolute = each("Abs");
export const sign = each("Sign");
export const relu = each("Relu", "activations");
export const inverseRoot = each("Rsqrt");
/** Along the last dimension. */
export const softmax = each("Softmax", "softmax");
export const areFinite = (a: Node): Node => ({ ...each("IsFinite")(a), dtype: "bool" });

export function cast(a: Node, dtype: DType): Node {
  const attributes = { SrcT: { type: a.dtype }, DstT: { type: dtype }, Truncate: { flag: false } } as const;
  return { op: "Cast", output: "y", from: [a], attributes, dtype, shape: a.shape };
}

/** The same numbers in another shape; one dimension at most has a name. */
export function reshape(a: Node, shape: Shape): Node {
  const named = shape.filter((dimension) => typeof dimension === "string");
  mustBe(named.length <= 1, "Reshape", [a], `cannot be [${shape.join(", ")}]: of one length at most is no number`);
  const lengths = constant(
    shape.map((dimension) => (typeof dimension === "number" ? dimension : -1)),
    "int32",
  );
  const attributes = { T: { type: a.dtype }, Tshape: { type: "int32" } } as const;
  return { op: "Reshape", output: "output", from: [a, lengths], attributes, dtype: a.dtype, shape };
}

/** a·b, either transposed first. */
export function product(a: Node, b: Node, { transposeA = false, transposeB = false } = {}): Node {
  mustBe(a.shape.length === 2 && b.shape.length === 2, "MatMul", [a, b], "are not two matrices");
  const [rows, inner] = transposeA ? a.shape.toReversed() : a.shape;
  const [same, columns] = transposeB ? b.shape.toReversed() : b.shape;
  mustBe(inner === same, "MatMul", [a, b], "do not fit");
  for (const node of [a, b]) mustBe(node.dtype === "float32", "MatMul", [node], "is not float32");
  return ofOneType("MatMul", "product", [a, b], [rows!, columns!], {
    transpose_a: { flag: transposeA },
    transpose_b: { flag: transposeB },
  });
}

const reduction =
  (op: string) =>
  (a: Node, axes: readonly number[], { keep = false } = {}) => {
    for (const axis of axes) mustBe(axis >= 0 && axis < a.shape.length, op, [a], `has no axis ${axis}`);
    const shape = a.shape.flatMap((dimension, k) => (!axes.includes(k) ? [dimension] : keep ? [1] : []));
    const along = constant(axes, "int32");
    const attributes = { T: { type: a.dtype }, Tidx: { type: "int32" }, keep_dims: { flag: keep } } as const;
    mustBe(a.dtype === "float32", op, [a], "is not float32");
    return { op, output: "output", from: [a, along], attributes, dtype: a.dtype, shape } satisfies Node;
  };
export const sum = reduction("Sum");
export const largest = reduction("Max");

/** Matrices side by side. */
export function beside(a: Node, b: Node): Node {
  mustBe(a.shape.length === 2 && b.shape.length === 2 && a.shape[0] === b.shape[0], "ConcatV2", [a, b], "do not fit");
  const [left, right] = [a.shape[1]!, b.shape[1]!];
  mustBe(typeof left === "number" && typeof right === "number", "ConcatV2", [a, b], "are of no known width");
  const attributes = { T: { type: "float32" }, N: { count: 2 }, Tidx: { type: "int32" } } as const;
  const shape = [a.shape[0]!, Number(left) + Number(right)];
  return { op: "ConcatV2", output: "output", from: [a, b, axis(1)], attributes, dtype: "float32", shape };
}

/** So many columns of a matrix. */
export function columns(a: Node, from: number, count: number): Node {
  const fits = a.shape.length === 2 && from + count <= Number(a.shape[1]);
  mustBe(fits, "Slice", [a], `has no ${count} columns from ${from}`);
  const attributes = { T: { type: a.dtype }, Index: { type: "int32" } } as const;
  const [begin, size] = [constant([0, from], "int32"), constant([-1, count], "int32")];
  return {
    op: "Slice",
    output: "output",
    from: [a, begin, size],
    attributes,
    dtype: a.dtype,
    shape: [a.shape[0]!, count],
  };
}

/** Of one shape, side by side along a new last dimension. */
export function stack(nodes: readonly Node[]): Node {
  const { shape } = nodes[0]!;
  for (const node of nodes)
    mustBe(String(node.shape) === String(shape), "Pack", [nodes[0]!, node], "are of two shapes");
  return ofOneType("Pack", "output", nodes, [...shape, nodes.length], {
    N: { count: nodes.length },
    axis: { count: shape.length },
  });
}

const axis = (number: number) => constant([number], "int32", []);

/** How many numbers it holds. */
export function sizeOf(a: Node): Node {
  const attributes = { T: { type: a.dtype }, out_type: { type: "int32" } } as const;
  return { op: "Size", output: "output", from: [a], attributes, dtype: "int32", shape: [] };
}

/** 0, 1, 2 ... as many as the list is long. */
export function placesOf(list: Node): Node {
  mustBe(list.shape.length === 1, "Range", [list], "is no list");
  const from = [axis(0), sizeOf(list), axis(1)];
  return {
    op: "Range",
    output: "output",
    from,
    attributes: { Tidx: { type: "int32" } },
    dtype: "int32",
    shape: list.shape,
  };
}

/** The rows of a table that `places`, whole numbers of any shape, name. */
export function rowsAt(table: Node, places: Node): Node {
  mustBe(places.dtype === "int32" && table.shape.length > 0, "GatherV2", [table, places], "are no table and places");
  const attributes = {
    Tparams: { type: table.dtype },
    Tindices: { type: "int32" },
    Taxis: { type: "int32" },
    batch_dims: { count: 0 },
  } as const;
  const shape = [...places.shape, ...table.shape.slice(1)];
  return { op: "GatherV2", output: "output", from: [table, places, axis(0)], attributes, dtype: table.dtype, shape };
}

/** For each of `count` sums, whose length `named` says, the rows of which `of`, `[rows]`, names it. */
export function sumsOf(rows: Node, of: Node, count: Node | number, named: Dimension): Node {
  const fits = of.dtype === "int32" && of.shape.length === 1 && of.shape[0] === rows.shape[0];
  mustBe(fits, "UnsortedSegmentSum", [rows, of], "do not fit");
  const many = typeof count === "number" ? axis(count) : count;
  return {
    op: "UnsortedSegmentSum",
    output: "output",
    from: [rows, of, many],
    attributes: { T: { type: rows.dtype }, Tindices: { type: "int32" }, Tnumsegments: { type: "int32" } },
    dtype: rows.dtype,
    shape: [named, ...rows.shape.slice(1)],
  };
}

/** The numbers of a matrix at `positions`, `[entries, 2]`. */
export function at(matrix: Node, positions: Node): Node {
  arePositions("GatherNd", matrix, positions);
  const attributes = { Tparams: { type: matrix.dtype }, Tindices: { type: "int32" } } as const;
  const shape = [positions.shape[0]!];
  return { op: "GatherNd", output: "output", from: [matrix, positions], attributes, dtype: matrix.dtype, shape };
}

/**
 * The matrix without `values` at `positions`, `[entries, 2]`. Where a position is named once, but for values of 0, no
 * bit depends on the order in which a device goes about it.
 */
export function without(matrix: Node, positions: Node, values: Node): Node {
  arePositions("TensorScatterSub", matrix, positions);
  const fits = values.shape.length === 1 && values.shape[0] === positions.shape[0];
  mustBe(fits, "TensorScatterSub", [positions, values], "do not fit");
  const attributes = { T: { type: "float32" }, Tindices: { type: "int32" } } as const;
  const from = [matrix, positions, values];
  return { op: "TensorScatterSub", output: "output", from, attributes, dtype: "float32", shape: matrix.shape };
}

function arePositions(op: string, matrix: Node, positions: Node): void {
  const fits = positions.dtype === "int32" && positions.shape.length === 2 && positions.shape[1] === 2;
  mustBe(fits && matrix.shape.length === 2, op, [matrix, positions], "are no matrix and places in it");
}
