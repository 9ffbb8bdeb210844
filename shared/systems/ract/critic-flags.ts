// What can be set of RaCT's critic, which no other system has.
import { z } from "zod";

export const usualCritic = { epochs: 25, learningRate: 1e-4, l2: 1e-4 };

export const criticFlags = {
  criticEpochs: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      `of ract: epochs in which the critic learns alone, before it moves the network (default ${usualCritic.epochs})`,
    ),
  criticLearningRate: z.coerce
    .number()
    .positive()
    .optional()
    .describe(`of ract: of the critic's Adam (default ${usualCritic.learningRate})`),
};
