// A program as the one file that TensorFlow loads, by the protobuf classes that come with tfjs-node-gpu. Every routine
// stands in it plainly, node by node; compiled, as a function too that XLA makes one piece of. What is repeated is the
// body of a loop, which is a function of its own either way.
import { createRequire } from "node:module";
import { definitions, RESOURCE, typeNumbers } from "./definitions.ts";
import type { FunctionDef, Messages, NodeDef } from "./messages.ts";
import { fedTo, type Program, type Routine } from "./node.ts";
import { inFunction, inGraph, routines, variablesOf } from "./routines.ts";

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

function writing(messages: Messages) {
  const made = definitions(messages);
  const { type, text, flag, types, shape, constant, node, attributesOf, float, called, functionOf } = made;
  const { once, nodesOf, loopTypes } = routines(made);

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
