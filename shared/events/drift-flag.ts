// How the synthetic stream drifts, as a flag of whatever plays it.
import { z } from "zod";
import { drifts } from "./synthetic.ts";

export const driftFlag = z
  .enum(drifts)
  .default("slow")
  .describe("synthetic: none; slow: tastes change one at a time, items appear; fast: what is new is what is looked at");
