// The same tests on every engine that this machine must have.
import { describe, test } from "vitest";
import { type Engine, engineNames } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";

/** Where set-up could not build TensorFlow it says so in this variable; anywhere else a missing engine fails. */
export const withoutTensorflow = process.env.TRIBUTARY_ENGINE === "wasm";

type Tests = (open: () => Promise<Engine>, name: Engine["name"]) => void;

export function onEachEngine(tests: Tests): void {
  onEngines(engineNames, tests);
}

/** For what the graph engine has of the TensorFlow engine, whose it is: what is no part of a step. */
export function onEachBackend(tests: Tests): void {
  onEngines(["tensorflow", "wasm"], tests);
}

function onEngines(names: readonly Engine["name"][], tests: Tests): void {
  describe.each(names)("on the %s engine", (name) => {
    if (name !== "wasm" && withoutTensorflow) return leftOut();
    tests(() => openEngine({ wanted: name, threads: 1, graphs: { compiled: false } }), name);
  });
}

/** The graph engine as it is on a GPU: routines compiled by XLA, parts filled up to few sizes. */
export function onTheCompiledGraph(tests: Tests): void {
  describe("on the graph engine, compiled by XLA", () => {
    if (withoutTensorflow) return leftOut();
    process.env.XLA_FLAGS ??= "--xla_backend_optimization_level=0"; // a quarter of the time, other bits
    const say = (line: string) => {
      if (!line.startsWith("compiling ")) throw new Error(line);
    };
    tests(() => openEngine({ wanted: "graph", threads: 1, graphs: { compiled: true, say } }), "graph");
  });
}

const leftOut = () => test.skip("left out: set-up fell back to wasm (TRIBUTARY_ENGINE=wasm)", () => {});
