// A network on the engine at hand: as one graph where the engine runs whole graphs, else product by product.
import type { Engine } from "../compute/engine.ts";
import { graphNetwork } from "./graph/network.ts";
import { judgedBy } from "./graph/program.ts";
import { kernelNetwork } from "./kernel-network.ts";
import type { Network } from "./network.ts";

export function openNetwork(engine: Engine): Network {
  if (!engine.openSession) return kernelNetwork(engine);
  const graph = graphNetwork(engine.openSession);
  return engine.isWished ? graph : either(graph, kernelNetwork(engine));
}

/** The graph, but for a model that has none. Both groups are of one model. */
function either(graph: Network, kernels: Network): Network {
  let network = graph;
  return {
    take(group, recipe, weights) {
      network = judgedBy(recipe) ? graph : kernels;
      network.take(group, recipe, weights);
    },
    posterior: (bag_BH) => network.posterior(bag_BH),
    encoder: (part, joint) => network.encoder(part, joint),
    decoder: (part) => network.decoder(part),
    critic: (part) => network.critic(part),
    score: (bag_BH) => network.score(bag_BH),
    dispose() {
      graph.dispose();
      kernels.dispose();
    },
  };
}
