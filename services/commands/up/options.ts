// What can be said to `up`.
import { z } from "zod";
import { driftFlag } from "../../../shared/events/drift-flag.ts";
import { fileFlags } from "../../../shared/files/flags.ts";
import { allowBelowPopularNow } from "../../../shared/judging/flags.ts";
import { kafkaConfigFlag } from "../../../shared/kafka/given.ts";
import { folder } from "../../../shared/runtime/location.ts";

export const options = z.object({
  events: z
    .string()
    .optional()
    .describe("file of real events instead of the synthetic stream: CSV, JSON or Parquet, packed or not"),
  ...fileFlags,
  // a row that is none ends no service
  onBadRow: fileFlags.onBadRow.default("skip").describe(fileFlags.onBadRow.description!),
  rate: z.coerce.number().positive().optional().describe("events per second; a file goes as fast as it can without it"),
  drift: driftFlag,
  trainers: z.coerce.number().int().min(1).default(2).describe("trainer processes"),
  gamma: z.coerce
    .number()
    .min(0)
    .default(0.01)
    .describe("weight of the KL term per item of a user; .01 suits short histories"),
  sync: z
    .enum(["exact", "local"])
    .default("exact")
    .describe(
      "exact: N trainers compute what one computes; local: each learns from so many batches on its own that the " +
        "exchange takes at most a tenth of the time, which is what GPUs are fast with",
    ),
  allowBelowPopularNow,
  kafkaConfig: kafkaConfigFlag(),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  port: z.coerce
    .number()
    .int()
    .min(0)
    .max(65534)
    .default(8080)
    .describe("port of the dashboard; serve takes the next one; 0 takes any free ones"),
  once: z.boolean().default(false).describe("stop after the first published model and print its metrics as JSON"),
});
export type Config = z.output<typeof options>;
