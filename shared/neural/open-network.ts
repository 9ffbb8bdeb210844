// A network on the engine at hand: as one graph where the engine runs whole graphs, else product by product.
import type { Engine } from "../compute/engine.ts";
import { graphNetwork } from "./graph/network.ts";
import { kernelNetwork } from "./kernel-network.ts";
import type { Network } from "./network.ts";

export function openNetwork(engine: Engine): Network {
  return engine.openSession ? graphNetwork(engine.openSession) : kernelNetwork(engine);
}
