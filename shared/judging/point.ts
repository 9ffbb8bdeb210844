// One point of the prequential curve, as the evaluator keeps it and tells of it.
import { z } from "zod";

const pair = z.object({ "recall@20": z.number(), "ndcg@100": z.number() });

export const prequentialPoint = pair.extend({
  at: z.number().meta({ description: "arrival of the newest event in the window", unit: "ms since 1970" }),
  tableVersion: z.number().describe("that the window ends with"),
  model: z.string().describe("the published version that scored the newest of them"),
  events: z.number().describe("in the window"),
  users: z.number().describe("of the window"),
  unknownItems: z.number().describe("share of the events whose item the model has never met"),
  popularity: pair.describe("of scoring by popularity, over the same events"),
});
export type PrequentialPoint = z.output<typeof prequentialPoint>;
