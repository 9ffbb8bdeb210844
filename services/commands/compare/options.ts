// The flags of `benchmark`.
import { z } from "zod";
import { duration } from "../../../shared/runtime/amount.ts";
import { listOf } from "../../../shared/runtime/lists.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { systemFlag } from "../../../shared/systems/system-flag.ts";
import { all, benchmarked } from "./agenda.ts";
import { streamFlags } from "./stream/options.ts";

const integer = (most: number) => z.coerce.number().int().min(1).max(most);

export const options = z
  .object({
    data: location().optional().describe("dataset directory of Liang et al.; or a stream, see --stream"),
    models: folder()
      .transform((text) => (text === "all" ? all.join(",") : text))
      .pipe(listOf(systemFlag(benchmarked)))
      .prefault("all")
      .describe(`all (${all.join(",")}), or some of ${benchmarked.join(",")}`),
    seeds: integer(100)
      .default(1)
      .describe("the chosen settings are trained under so many; figures are means over them"),
    budget: duration("365d").prefault("30m").describe("for the tuning of each model"),
    jobs: integer(64)
      .default(1)
      .describe("trials that run at the same time; more than one make times and memory hard to compare"),
    out: folder()
      .optional()
      .describe("with --data: where trials and reports go; a benchmark found there is gone on with"),
    ablation: z
      .boolean()
      .default(false)
      .describe("the paper's five features too, one after another from Mult-VAE to RecVAE"),
    stability: z
      .boolean()
      .default(false)
      .describe("how steady single users are, with the composite prior and with the Gaussian one"),
    blend: z.boolean().default(false).describe("a row for RecVAE and EASE mixed, both of which it needs"),
    json: z.boolean().default(false).describe("print the report as JSON on stdout"),
    ...streamFlags,
  })
  .superRefine(({ data, out, stream }, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (stream !== undefined && data !== undefined) issue("stream", "give either --data or --stream");
    if (stream !== undefined) return;
    if (data === undefined) issue("data", "a dataset directory; or --stream, a file of events");
    else if (out === undefined) issue("out", "where trials and reports go");
  });
