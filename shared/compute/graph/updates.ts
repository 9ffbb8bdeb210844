// What runs do to variables. Beside operations.ts.
import type { Node, Update } from "./node.ts";
import { constant, mustBe } from "./operations.ts";

/** A variable becomes all zeros. */
export function clear(name: string, shape: readonly number[]): Update {
  const zeros: Node = {
    op: "Fill",
    output: "output",
    from: [constant(shape, "int32"), constant([0], "float32", [])],
    attributes: { T: { type: "float32" }, index_type: { type: "int32" } },
    dtype: "float32",
    shape,
  };
  return {
    op: "AssignVariableOp",
    variables: [name],
    from: [zeros],
    attributes: { dtype: { type: "float32" }, validate_shape: { flag: false } },
  };
}

/** Rows of a variable, by their places, each named once, become these. */
export function replaceRows(name: string, places: Node, rows: Node): Update {
  const fits = places.dtype === "int32" && places.shape.length === 1 && places.shape[0] === rows.shape[0];
  mustBe(fits, "ResourceScatterUpdate", [places, rows], "do not fit");
  return {
    op: "ResourceScatterUpdate",
    variables: [name],
    from: [places, rows],
    attributes: { dtype: { type: "float32" }, Tindices: { type: "int32" } },
  };
}

export interface AdamNodes {
  readonly learningRate: number;
  /** The decays raised to the number of the update. */
  readonly beta1Power: Node;
  readonly beta2Power: Node;
  readonly epsilon: Node;
}

/** One step of a variable by its gradient: w -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon). */
export function adam(
  [weights, m, v]: readonly [weights: string, m: string, v: string],
  gradient: Node,
  { learningRate, beta1Power, beta2Power, epsilon }: AdamNodes,
): Update {
  mustBe(gradient.dtype === "float32", "ResourceApplyAdam", [gradient], "is not float32");
  const scalar = (value: number) => constant([value], "float32", []);
  return {
    op: "ResourceApplyAdam",
    variables: [weights, m, v],
    from: [beta1Power, beta2Power, scalar(learningRate), scalar(0.9), scalar(0.999), epsilon, gradient],
    attributes: { T: { type: "float32" }, use_locking: { flag: false }, use_nesterov: { flag: false } },
  };
}
