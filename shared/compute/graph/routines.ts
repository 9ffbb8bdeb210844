// A routine as nodes, in a graph or in a function: once through, or as a loop that goes through it again and again.
// Between definitions.ts and saved-model.ts.
import { type Definitions, RESOURCE, typeNumbers } from "./definitions.ts";
import type { NodeDef } from "./messages.ts";
import { fedTo, inOrder, type Node, type Routine } from "./node.ts";

/** Names of the variables that a routine reads or updates, each once. */
export const variablesOf = (routine: Routine) => [
  ...new Set([
    ...inOrder(routine).flatMap(({ op, name }) => (op === "ReadVariableOp" ? [name!] : [])),
    ...(routine.updates ?? []).flatMap(({ variables }) => variables),
  ]),
];

/** Where nodes are written: in a function a reference says which of a node's outputs it means, in a graph its number. */
export interface Sheet {
  readonly nodes: NodeDef[];
  /** What the names of its nodes begin with. */
  readonly prefix: string;
  reference(node: string, output: string, which?: number): string;
}

export const inGraph = (prefix: string): Sheet => ({
  ...{ nodes: [], prefix },
  reference: (node, _, which = 0) => (which === 0 ? node : `${node}:${which}`),
});
export const inFunction = (): Sheet => ({
  ...{ nodes: [], prefix: "n" },
  reference: (node, output, which = 0) => `${node}:${output}:${which}`,
});

/** How a routine's inputs and variables are called where it is written. */
export interface Given {
  readonly inputs: readonly string[];
  /** In the order of variablesOf. */
  readonly variables: readonly string[];
}

/** What writes routines with such definitions. */
export function routines({ attribute, type, types, constant, node, attributesOf, called }: Definitions) {
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

  return { once, nodesOf, loopTypes };
}
