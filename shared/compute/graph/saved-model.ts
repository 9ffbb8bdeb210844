// A program as the one file that TensorFlow loads, by the protobuf classes that come with tfjs-node-gpu. Every routine
// stands in it plainly, node by node; compiled, as a function too that XLA makes one piece of.
import { createRequire } from "node:module";
import type { FunctionDef, Messages, NodeDef, WireAttribute } from "./messages.ts";
import {
  type Attribute,
  type Constant,
  type DType,
  inOrder,
  type Node,
  type Program,
  type Routine,
  type Shape,
} from "./node.ts";

/** TensorFlow's numbers of its types. */
export const typeNumbers = { float32: 1, int32: 3 } as const satisfies Record<DType, number>;
const RESOURCE = 20;
/** Of TensorFlow 2.x's graphs: which of an operation's old behaviours are gone. */
const PRODUCER = 1882;

/** What names stand for what in the file. */
export const names = {
  variable: (name: string) => `variable/${name}`,
  /** A variable's new value, and what is there once it has it. */
  given: (name: string) => `given/${name}`,
  taken: (name: string) => `taken/${name}`,
  input: (routine: string, name: string) => `${routine}/in/${name}`,
  output: (routine: string, name: string) => `${routine}/out/${name}`,
  call: (routine: string) => `${routine}/compiled`,
};

export function savedModel(program: Program, compiled: boolean): Uint8Array {
  const messages: Messages = createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js");
  const write = writing(messages);
  const graph = new messages.GraphDef();
  const versions = new messages.VersionDef();
  versions.setProducer(PRODUCER);
  graph.setVersions(versions);
  for (const [name, shape] of Object.entries(program.variables))
    graph.getNodeList().push(...write.variable(name, shape));
  for (const [name, routine] of Object.entries(program.routines))
    graph.getNodeList().push(...write.plain(name, routine));
  if (compiled) {
    const library = new messages.FunctionDefLibrary();
    for (const [name, routine] of Object.entries(program.routines)) {
      library.addFunction(write.function(name, routine));
      graph.addNode(write.call(name, routine));
    }
    graph.setLibrary(library);
  }
  const meta = new messages.MetaGraphDef();
  const info = new messages.MetaGraphDef.MetaInfoDef();
  info.addTags("serve");
  meta.setMetaInfoDef(info);
  meta.setGraphDef(graph);
  const model = new messages.SavedModel();
  model.setSavedModelSchemaVersion(1);
  model.addMetaGraphs(meta);
  return model.serializeBinary();
}

/** Names of the variables that a routine reads, each once. */
const variablesOf = (routine: Routine) => [
  ...new Set(inOrder(routine).flatMap(({ op, name }) => (op === "ReadVariableOp" ? [name!] : []))),
];

function writing(messages: Messages) {
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
  const attributesOf = ({ attributes }: Node) =>
    Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, written(value)]));
  const float = type(typeNumbers.float32);

  return {
    /** The variable, and its assignment: an operation without an output, so something else is asked for that waits. */
    variable(name: string, dimensions: readonly number[]): NodeDef[] {
      const [handle, given, assign] = [names.variable(name), names.given(name), `assign/${name}`];
      const zero = constant({ dtype: "int32", shape: [], values: [0] });
      return [
        node(handle, "VarHandleOp", [], {
          dtype: float,
          shape: shape(dimensions),
          shared_name: text(name),
          container: text(""),
        }),
        node(given, "Placeholder", [], { dtype: float, shape: shape(dimensions) }),
        node(assign, "AssignVariableOp", [handle, given], { dtype: float }),
        node(names.taken(name), "Const", [`^${assign}`], { dtype: type(typeNumbers.int32), value: zero }),
      ];
    },

    plain(routine: string, { inputs, outputs }: Routine): NodeDef[] {
      const nameOf = new Map<Node, string>();
      const made = inOrder({ inputs, outputs }).map((each, k) => {
        const isInput = each.op === "Placeholder";
        const name = isInput ? names.input(routine, each.name!) : `${routine}/${k}`;
        nameOf.set(each, name);
        if (isInput) return node(name, each.op, [], { ...attributesOf(each), shape: shape(each.shape) });
        const from =
          each.op === "ReadVariableOp" ? [names.variable(each.name!)] : each.from.map((one) => nameOf.get(one)!);
        return node(name, each.op, from, attributesOf(each));
      });
      const ends = Object.entries(outputs).map(([name, of]) =>
        node(names.output(routine, name), "Identity", [nameOf.get(of)!], { T: type(typeNumbers[of.dtype]) }),
      );
      return [...made, ...ends];
    },

    /** The same with arguments: the inputs, then the variables. */
    function(routine: string, { inputs, outputs }: Routine): FunctionDef {
      const made = new messages.FunctionDef();
      const signature = new messages.OpDef();
      const argument = (name: string, number: number) => {
        const arg = new messages.OpDef.ArgDef();
        arg.setName(name);
        arg.setType(number);
        return arg;
      };
      const nameOf = new Map<Node, string>();
      signature.setName(routine);
      inputs.forEach((each, k) => {
        nameOf.set(each, `in${k}`);
        signature.addInputArg(argument(`in${k}`, typeNumbers[each.dtype]));
      });
      const variables = variablesOf({ inputs, outputs });
      for (const k of variables.keys()) signature.addInputArg(argument(`variable${k}`, RESOURCE));
      signature.setIsStateful(true);
      for (const [k, each] of inOrder({ inputs, outputs }).entries()) {
        if (nameOf.has(each)) continue;
        const isRead = each.op === "ReadVariableOp";
        const from = isRead ? [`variable${variables.indexOf(each.name!)}`] : each.from.map((one) => nameOf.get(one)!);
        made.addNodeDef(node(`n${k}`, each.op, from, attributesOf(each)));
        nameOf.set(each, `n${k}:${each.output}:0`);
      }
      Object.values(outputs).forEach((each, k) => {
        signature.addOutputArg(argument(`out${k}`, typeNumbers[each.dtype]));
        made.getRetMap().set(`out${k}`, nameOf.get(each)!);
      });
      made.setSignature(signature);
      made.getAttrMap().set("_XlaMustCompile", flag(true));
      return made;
    },

    call(routine: string, { inputs, outputs }: Routine): NodeDef {
      const variables = variablesOf({ inputs, outputs });
      const called = new messages.NameAttrList();
      called.setName(routine);
      const from = [...inputs.map(({ name }) => names.input(routine, name!)), ...variables.map(names.variable)];
      return node(names.call(routine), "StatefulPartitionedCall", from, {
        Tin: types([...inputs.map(({ dtype }) => typeNumbers[dtype]), ...variables.map(() => RESOURCE)]),
        Tout: types(Object.values(outputs).map(({ dtype }) => typeNumbers[dtype])),
        f: attribute((a) => a.setFunc(called)),
        config: text(""),
        config_proto: text(""),
        executor_type: text(""),
        _XlaMustCompile: flag(true),
      });
    },
  };
}
