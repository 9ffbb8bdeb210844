// The network on an engine whose products are called one by one, with our kernels between them.
import type { Engine } from "../compute/engine.ts";
import { type DecoderWeights, uploadDecoder } from "./decoder.ts";
import type { HiddenWeights } from "./encoder.ts";
import { uploadHidden } from "./hidden.ts";
import type { Network } from "./network.ts";
import { criticPart, decoderPart, encoderPart, posterior, score } from "./steps.ts";

/** See network.ts. */
export function kernelNetwork(engine: Engine): Network {
  let hidden: HiddenWeights | undefined;
  let decoder: DecoderWeights | undefined;
  return {
    take(group, recipe, weights) {
      if (group === "hidden") {
        hidden?.dispose();
        hidden = uploadHidden(engine, recipe, weights);
      } else {
        decoder?.dispose();
        decoder = uploadDecoder(engine, weights);
      }
    },
    posterior: (bag_BH) => posterior(engine, hidden!, bag_BH),
    encoder: (part, joint) => encoderPart(engine, hidden!, decoder!, part, joint),
    decoder: (part) => decoderPart(engine, hidden!, decoder!, part),
    critic: (part) => criticPart(engine, hidden!, decoder!, part),
    score: (bag_BH) => score(engine, hidden!, decoder!, bag_BH),
    dispose() {
      hidden?.dispose();
      decoder?.dispose();
    },
  };
}
