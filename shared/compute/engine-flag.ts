// The flag of what scores, for every command that has one. A trainer's says more.
import { z } from "zod";
import { engineWishes } from "./engine.ts";

export const scoringEngine = z
  .enum(engineWishes)
  .default("auto")
  .describe(
    "what scores; graph: TensorFlow, users by hundreds as one graph; auto: graph on a GPU where it sees one, else " +
      "tensorflow, and wasm where it is not built",
  );
