// A flag of the gate, which everything that starts an evaluator has too.
import { z } from "zod";

export const allowBelowPopularNow = z
  .boolean()
  .default(false)
  .describe("publish models that are worse on what arrives than popular now, too; it is said all the same");
