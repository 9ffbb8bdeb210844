// What the parameter server will take of memory for its model, said before the first step. Pure; main.ts asks.
import { mustHaveRoom } from "../../shared/runtime/memory.ts";
import { type ConfigOf, type NeuralName, systemOf } from "../../shared/systems/registry.ts";

/** `held`: bytes that the process has already, its data with them. Throws DATA_TOO_LARGE. */
export function mustFitMemory(model: NeuralName, config: ConfigOf<NeuralName>, held: number, limit: number): void {
  mustHaveRoom({ model, data: `${config.items} items` }, held + systemOf(model).memory(config), limit);
}
