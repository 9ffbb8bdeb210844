// Nodes, functions and their attributes as messages of TensorFlow's: the ground under saved-model.ts.
import type { FunctionDef, Messages, NodeDef, WireAttribute } from "./messages.ts";
import type { Attribute, Constant, DType, Node, Shape } from "./node.ts";

/** TensorFlow's numbers of its types. */
export const typeNumbers = { float32: 1, float64: 2, int32: 3, int64: 9, bool: 10 } as const satisfies Record<
  DType,
  number
>;
export const RESOURCE = 20;
export type Definitions = ReturnType<typeof definitions>;

export function definitions(messages: Messages) {
  const attribute = (fill: (attribute: WireAttribute) => void) => {
    const made = new messages.AttrValue();
    fill(made);
    return made;
  };
  const type = (number: number) => attribute((a) => a.setType(number));
  const text = (value: string) => attribute((a) => a.setS(new TextEncoder().encode(value)));
  const flag = (value: boolean) => attribute((a) => a.setB(value));
  const types = (numbers: readonly number[]) =>
    attribute((a) => {
      const list = new messages.AttrValue.ListValue();
      list.setTypeList([...numbers]);
      a.setList(list);
    });
  const shapeOf = (dimensions: Shape) => {
    const shape = new messages.TensorShape();
    for (const dimension of dimensions) {
      const size = new messages.TensorShape.Dim();
      size.setSize(typeof dimension === "number" ? dimension : -1);
      shape.addDim(size);
    }
    return shape;
  };
  const shape = (dimensions: Shape) => attribute((a) => a.setShape(shapeOf(dimensions)));
  const constant = ({ dtype, shape: dimensions, values }: Constant) =>
    attribute((a) => {
      const tensor = new messages.Tensor();
      tensor.setDtype(typeNumbers[dtype]);
      tensor.setTensorShape(shapeOf(dimensions));
      if (dtype === "float32") tensor.setFloatValList([...values]);
      else if (dtype === "float64") tensor.setDoubleValList([...values]);
      else if (dtype === "int64") tensor.setInt64ValList([...values]);
      else tensor.setIntValList([...values]);
      a.setTensor(tensor);
    });
  const written = (value: Attribute): WireAttribute => {
    if ("type" in value) return type(typeNumbers[value.type]);
    if ("flag" in value) return flag(value.flag);
    if ("count" in value) return attribute((a) => a.setI(value.count));
    return constant(value.constant);
  };
  const node = (
    name: string,
    op: string,
    from: readonly string[],
    attributes: Record<string, WireAttribute>,
  ): NodeDef => {
    const made = new messages.NodeDef();
    made.setName(name);
    made.setOp(op);
    made.setInputList([...from]);
    for (const [key, value] of Object.entries(attributes)) made.getAttrMap().set(key, value);
    return made;
  };
  const attributesOf = ({ attributes }: Pick<Node, "attributes">) =>
    Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, written(value)]));
  const float = type(typeNumbers.float32);

  const called = (name: string) =>
    attribute((a) => {
      const list = new messages.NameAttrList();
      list.setName(name);
      a.setFunc(list);
    });
  const argument = (name: string, number: number) => {
    const arg = new messages.OpDef.ArgDef();
    arg.setName(name);
    arg.setType(number);
    return arg;
  };
  /** Of typed arguments and results; `results` names what each is in the body. */
  const functionOf = (
    name: string,
    args: readonly { name: string; type: number }[],
    nodes: readonly NodeDef[],
    results: readonly { from: string; type: number }[],
  ): FunctionDef => {
    const made = new messages.FunctionDef();
    const signature = new messages.OpDef();
    signature.setName(name);
    signature.setIsStateful(true);
    for (const arg of args) signature.addInputArg(argument(arg.name, arg.type));
    results.forEach(({ from, type: number }, k) => {
      signature.addOutputArg(argument(`out${k}`, number));
      made.getRetMap().set(`out${k}`, from);
    });
    for (const each of nodes) made.addNodeDef(each);
    made.setSignature(signature);
    return made;
  };

  return { attribute, type, text, flag, types, shape, constant, node, attributesOf, float, called, functionOf };
}
