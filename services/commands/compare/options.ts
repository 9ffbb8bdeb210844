// The flags of `benchmark`.
import { z } from "zod";
import { duration } from "../../../shared/runtime/amount.ts";
import { listOf } from "../../../shared/runtime/lists.ts";
import { folder } from "../../../shared/runtime/location.ts";
import { systemFlag } from "../../../shared/systems/system-flag.ts";
import { all, benchmarked } from "./agenda.ts";

const integer = (most: number) => z.coerce.number().int().min(1).max(most);

export const options = z.object({
  data: folder().describe("dataset directory of Liang et al."),
  models: folder()
    .transform((text) => (text === "all" ? all.join(",") : text))
    .pipe(listOf(systemFlag(benchmarked)))
    .prefault("all")
    .describe(`all (${all.join(",")}), or some of ${benchmarked.join(",")}`),
  seeds: integer(100).default(1).describe("the chosen settings are trained under so many; figures are means over them"),
  budget: duration("365d").prefault("30m").describe("for the tuning of each model"),
  jobs: integer(64)
    .default(1)
    .describe("trials that run at the same time; more than one make times and memory hard to compare"),
  out: folder().describe("where trials and reports go; a benchmark found there is gone on with"),
  ablation: z
    .boolean()
    .default(false)
    .describe("the paper's five features too, one after another from Mult-VAE to RecVAE"),
  stability: z
    .boolean()
    .default(false)
    .describe("how steady single users are, with the composite prior and with the Gaussian one"),
  blend: z.boolean().default(false).describe("a row for RecVAE and EASE mixed, both of which it needs"),
  json: z.boolean().default(false).describe("print report.json on stdout"),
});
