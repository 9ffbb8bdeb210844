// The flags of `blend`.
import { z } from "zod";
import { folder, location } from "../../../shared/runtime/location.ts";

export const options = z.object({
  checkpoint: location().describe("one model: what `train` left, a checkpoint or a published model"),
  with: location().describe("the other model, of the same data"),
  data: location().optional().describe("dataset directory, whose validation users choose the weight"),
  table: location().optional().describe("table, likewise, read to its newest version"),
  maxUsers: z.coerce.number().int().min(1).default(10_000).describe("held-out users of each part of a table, at most"),
  out: folder().describe("where the blend, its manifest and the report go"),
  json: z.boolean().default(false).describe("print the report on stdout"),
});
export type Config = z.output<typeof options>;
