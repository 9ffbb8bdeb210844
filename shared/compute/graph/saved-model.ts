// A program as the one file that TensorFlow loads, by the protobuf classes that come with tfjs-node-gpu. Every routine
// stands in it plainly, node by node; compiled, as a function too that XLA makes one piece of. What is repeated is the
// body of a loop, which is a function of its own either way.
import { createRequire } from "node:module";
import type { FunctionDef, Messages, NodeDef, WireAttribute } from "./messages.ts";
import {
  type Attribute,
  type Constant,
  type DType,
  fedTo,
  inOrder,
  type Node,
  type Program,
  type Routine,
  type Shape,
} from "./node.ts";

/** TensorFlow's numbers of its types. */
export const typeNumbers = { float32: 1, float64: 2, int32: 3, int64: 9, bool: 10 } as const satisfies Record<
  DType,
  number
>;
const RESOURCE = 20;
/** Of TensorFlow 2.x's graphs: which of an operation's old behaviours are gone. */
const PRODUCER = 1882;

/** What names stand for what in the file. */
export const names = {
  variable: (name: string) => `variable/${name}`,
  /** A variable's new value, and what is there once it has it. */
  given: (name: string) => `given/${name}`,
  taken: (name: string) => `taken/${name}`,
  /** What it is now. */
  read: (name: string) => `read/${name}`,
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
  const library = new messages.FunctionDefLibrary();
  for (const [name, routine] of Object.entries(program.routines)) {
    if (routine.repeated) for (const made of write.loop(name, routine)) library.addFunction(made);
    if (!compiled || routine.plain) continue;
    library.addFunction(write.function(name, routine));
    graph.addNode(write.call(name, routine));
  }
  graph.setLibrary(library);
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

/** Names of the variables that a routine reads or updates, each once. */
const variablesOf = (routine: Routine) => [
  ...new Set([
    ...inOrder(routine).flatMap(({ op, name }) => (op === "ReadVariableOp" ? [name!] : [])),
    ...(routine.updates ?? []).flatMap(({ variables }) => variables),
  ]),
];

/** Where nodes are written: in a function a reference says which of a node's outputs it means, in a graph its number. */
interface Sheet {
  readonly nodes: NodeDef[];
  /** What the names of its nodes begin with. */
  readonly prefix: string;
  reference(node: string, output: string, which?: number): string;
}

const inGraph = (prefix: string): Sheet => ({
  ...{ nodes: [], prefix },
  reference: (node, _, which = 0) => (which === 0 ? node : `${node}:${which}`),
});
const inFunction = (): Sheet => ({
  ...{ nodes: [], prefix: "n" },
  reference: (node, output, which = 0) => `${node}:${output}:${which}`,
});

/** How a routine's inputs and variables are called where it is written. */
interface Given {
  readonly inputs: readonly string[];
  /** In the order of variablesOf. */
  readonly variables: readonly string[];
}

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

  /** A routine's nodes, once through; what its outputs are called. Updates come last, outputs behind them. */
  function once(sheet: Sheet, routine: Routine, given: Given): string[] {
    const variables = variablesOf(routine);
    const called = new Map<Node, string>(routine.inputs.map((each, k) => [each, given.inputs[k]!]));
    const handle = (name: string) => given.variables[variables.indexOf(name)]!;
    for (const [k, each] of inOrder(routine).entries()) {
      if (called.has(each)) continue;
      const from = each.op === "ReadVariableOp" ? [handle(each.name!)] : each.from.map((one) => called.get(one)!);
      sheet.nodes.push(node(`${sheet.prefix}${k}`, each.op, from, attributesOf(each)));
      called.set(each, sheet.reference(`${sheet.prefix}${k}`, each.output));
    }
    const outputs = Object.values(routine.outputs);
    const { updates = [] } = routine;
    if (updates.length === 0) return outputs.map((each) => called.get(each)!);
    const name = (part: string) => `${sheet.prefix}${part}`;
    const computed = sheet.nodes.map((each) => `^${each.getName()}`);
    sheet.nodes.push(node(name("computed"), "NoOp", computed, {}));
    updates.forEach((update, k) => {
      const from = [...update.variables.map(handle), ...update.from.map((each) => called.get(each)!)];
      const isLast = `^${name("computed")}`;
      sheet.nodes.push(node(name(`update${k}`), update.op, [...from, isLast], attributesOf(update)));
    });
    const updated = updates.map((_, k) => `^${name(`update${k}`)}`);
    return outputs.map((each, k) => {
      sheet.nodes.push(
        node(name(`updated${k}`), "Identity", [called.get(each)!, ...updated], { T: type(typeNumbers[each.dtype]) }),
      );
      return sheet.reference(name(`updated${k}`), "output");
    });
  }

  /** The loop's own variables, in the order of its arguments: how often, how often at most, inputs, sums, handles. */
  const loopTypes = (routine: Routine) => [
    typeNumbers.int32,
    ...fedTo(routine).map(({ dtype }) => typeNumbers[dtype]),
    ...Object.values(routine.outputs).map(({ dtype }) => typeNumbers[dtype]),
    ...variablesOf(routine).map(() => RESOURCE),
  ];

  /** A repeated routine's loop; what its sums are called. */
  function again(sheet: Sheet, name: string, routine: Routine, given: Given): string[] {
    const zeros = Object.values(routine.outputs).map(({ dtype }, k) => {
      const zero = constant({ dtype, shape: [], values: [0] });
      const called = `${sheet.prefix}zero${k}`;
      sheet.nodes.push(node(called, "Const", [], { dtype: type(typeNumbers[dtype]), value: zero }));
      return sheet.reference(called, "output");
    });
    const begin = `${sheet.prefix}begin`;
    const first = constant({ dtype: "int32", shape: [], values: [0] });
    sheet.nodes.push(node(begin, "Const", [], { dtype: type(typeNumbers.int32), value: first }));
    const from = [sheet.reference(begin, "output"), ...given.inputs, ...zeros, ...given.variables];
    const loop = `${sheet.prefix}loop`;
    sheet.nodes.push(
      node(loop, "While", from, {
        T: types(loopTypes(routine)),
        cond: called(`${name}_goes_on`),
        body: called(`${name}_once`),
        parallel_iterations: attribute((a) => a.setI(1)),
      }),
    );
    return zeros.map((_, k) => sheet.reference(loop, "output", 1 + given.inputs.length + k));
  }

  /** A routine's nodes, its loop where it is repeated. */
  const nodesOf = (sheet: Sheet, name: string, routine: Routine, given: Given) =>
    routine.repeated ? again(sheet, name, routine, given) : once(sheet, routine, given);

  return {
    /**
     * The variable, what it is now, and its assignment: an operation without an output, so something else is asked for
     * that waits.
     */
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
        node(names.read(name), "ReadVariableOp", [handle], { dtype: float }),
        node(given, "Placeholder", [], { dtype: float, shape: shape(dimensions) }),
        node(assign, "AssignVariableOp", [handle, given], { dtype: float }),
        node(names.taken(name), "Const", [`^${assign}`], { dtype: type(typeNumbers.int32), value: zero }),
      ];
    },

    plain(name: string, routine: Routine): NodeDef[] {
      const sheet = inGraph(`${name}/`);
      const inputs = fedTo(routine).map((each) => {
        const called = names.input(name, each.name!);
        sheet.nodes.push(node(called, each.op, [], { ...attributesOf(each), shape: shape(each.shape) }));
        return called;
      });
      const from = nodesOf(sheet, name, routine, { inputs, variables: variablesOf(routine).map(names.variable) });
      const ends = Object.entries(routine.outputs).map(([output, { dtype }], k) =>
        node(names.output(name, output), "Identity", [from[k]!], { T: type(typeNumbers[dtype]) }),
      );
      return [...sheet.nodes, ...ends];
    },

    /** The same with arguments: what is fed, then the variables. */
    function(name: string, routine: Routine): FunctionDef {
      const inputs = fedTo(routine).map(({ dtype }, k) => ({ name: `in${k}`, type: typeNumbers[dtype] }));
      const variables = variablesOf(routine).map((_, k) => ({ name: `variable${k}`, type: RESOURCE }));
      const sheet = inFunction();
      const named = (args: readonly { name: string }[]) => args.map((arg) => arg.name);
      const from = nodesOf(sheet, name, routine, { inputs: named(inputs), variables: named(variables) });
      const results = Object.values(routine.outputs).map(({ dtype }, k) => ({
        from: from[k]!,
        type: typeNumbers[dtype],
      }));
      const made = functionOf(name, [...inputs, ...variables], sheet.nodes, results);
      made.getAttrMap().set("_XlaMustCompile", flag(true));
      return made;
    },

    /** What a loop asks before each time, and does each time. */
    loop(name: string, routine: Routine): FunctionDef[] {
      const args = loopTypes(routine).map((number, k) => ({ name: `in${k}`, type: number }));
      const [at, count, ...others] = args.map((arg) => arg.name) as [string, string, ...string[]];
      const { inputs, outputs } = routine;
      const given = others.slice(0, inputs.length);
      const sums = others.slice(inputs.length, inputs.length + Object.keys(outputs).length);
      const variables = others.slice(inputs.length + sums.length);
      const int = type(typeNumbers.int32);
      const one = constant({ dtype: "int32", shape: [], values: [1] });
      const zero = constant({ dtype: "int32", shape: [], values: [0] });

      const asking = [node("goesOn", "Less", [at, count], { T: int })];
      const goesOn = functionOf(`${name}_goes_on`, args, asking, [{ from: "goesOn:z:0", type: typeNumbers.bool }]);

      const sheet = inFunction();
      sheet.nodes.push(node("axis", "Const", [], { dtype: int, value: zero }));
      const slices = inputs.map(({ dtype }, k) => {
        const attributes = { Tparams: type(typeNumbers[dtype]), Tindices: int, Taxis: int };
        sheet.nodes.push(node(`slice${k}`, "GatherV2", [given[k]!, at, "axis:output:0"], attributes));
        return sheet.reference(`slice${k}`, "output");
      });
      const found = once(sheet, routine, { inputs: slices, variables });
      const added = Object.values(outputs).map(({ dtype }, k) => {
        sheet.nodes.push(node(`sum${k}`, "AddV2", [sums[k]!, found[k]!], { T: type(typeNumbers[dtype]) }));
        return { from: sheet.reference(`sum${k}`, "z"), type: typeNumbers[dtype] };
      });
      sheet.nodes.push(node("one", "Const", [], { dtype: int, value: one }));
      sheet.nodes.push(node("next", "AddV2", [at, "one:output:0"], { T: int }));
      const same = (from: number, to: number) =>
        args.slice(from, to).map((arg) => ({ from: arg.name, type: arg.type }));
      const results = [
        { from: "next:z:0", type: typeNumbers.int32 },
        ...same(1, 2 + inputs.length),
        ...added,
        ...same(2 + inputs.length + sums.length, args.length),
      ];
      return [goesOn, functionOf(`${name}_once`, args, sheet.nodes, results)];
    },

    call(name: string, routine: Routine): NodeDef {
      const [inputs, variables] = [fedTo(routine), variablesOf(routine)];
      const from = [...inputs.map((each) => names.input(name, each.name!)), ...variables.map(names.variable)];
      return node(names.call(name), "StatefulPartitionedCall", from, {
        Tin: types([...inputs.map(({ dtype }) => typeNumbers[dtype]), ...variables.map(() => RESOURCE)]),
        Tout: types(Object.values(routine.outputs).map(({ dtype }) => typeNumbers[dtype])),
        f: called(name),
        config: text(""),
        config_proto: text(""),
        executor_type: text(""),
        _XlaMustCompile: flag(true),
      });
    },
  };
}
