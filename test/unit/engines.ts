// The same tests on every engine that this machine must have.
import { describe, test } from "vitest";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";

/** Where set-up could not build TensorFlow it says so in this variable; anywhere else a missing engine fails. */
export const withoutTensorflow = process.env.TRIBUTARY_ENGINE === "wasm";

export function onEachEngine(tests: (open: () => Promise<Engine>, name: Engine["name"]) => void): void {
  describe.each(["tensorflow", "wasm"] as const)("on the %s engine", (name) => {
    if (name === "tensorflow" && withoutTensorflow) {
      test.skip("left out: set-up fell back to wasm (TRIBUTARY_ENGINE=wasm)", () => {});
      return;
    }
    tests(() => openEngine({ wanted: name, threads: 1 }), name);
  });
}
