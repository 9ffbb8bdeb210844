// A network, and a replica that moves on its own, on the engine at hand: as one graph where the engine runs whole
// graphs, else product by product.
import type { Engine } from "../compute/engine.ts";
import { graphNetwork } from "./graph/network.ts";
import { judgedBy } from "./graph/program.ts";
import { graphReplica } from "./graph/replica.ts";
import { hasReplica } from "./graph/replica-program.ts";
import { kernelNetwork } from "./kernel-network.ts";
import { KernelReplica } from "./kernel-replica.ts";
import type { Network } from "./network.ts";
import type { Replica } from "./replica.ts";

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

/** Its network is used in steps, and left with the groups that were taken last. */
export function openReplica(engine: Engine, network: Network, seed: number): Replica {
  const kernels = new KernelReplica(network, engine.threads, seed);
  const { openSession } = engine;
  if (!openSession) return kernels;
  const resident = graphReplica(openSession, seed, engine.kernels);
  return {
    // what the old encoder said comes along where others of the run ask for it: the network's parts take it
    encoder: (stint, old, joint) =>
      ("weights" in old && hasReplica(stint.config) ? resident : kernels).encoder(stint, old, joint),
    decoder: (stint, says) => (!says && hasReplica(stint.config) ? resident : kernels).decoder(stint, says),
    dispose() {
      resident.dispose();
      kernels.dispose();
    },
  };
}
