// What can be said to `up`.
import { z } from "zod";
import { driftFlag } from "../../../shared/events/drift-flag.ts";
import { fileFlags } from "../../../shared/files/flags.ts";
import { shapeFlags } from "../../../shared/files/shape-flags.ts";
import { allowBelowPopularNow } from "../../../shared/judging/flags.ts";
import { kafkaConfigFlag } from "../../../shared/kafka/given.ts";
import { itemsFlags } from "../../../shared/recommending/items/flags.ts";
import { folder } from "../../../shared/runtime/location.ts";

const flags = z.object({
  events: z
    .string()
    .optional()
    .describe("file of real events instead of the synthetic stream: CSV, JSON or Parquet, packed or not"),
  topic: z
    .string()
    .min(1)
    .optional()
    .describe("a topic that others fill, instead of a stream of ours; created with 4 partitions where missing"),
  ...fileFlags,
  map: fileFlags.map.describe(
    `of --events the ${fileFlags.map.description}; of --topic what \`ingest --map\` takes: user=$.a,item=$.b`,
  ),
  where: shapeFlags.where.describe(`--topic: ${shapeFlags.where.description}`),
  schemaRegistry: shapeFlags.schemaRegistry.describe(`--topic: ${shapeFlags.schemaRegistry.description}`),
  mapFile: shapeFlags.mapFile.describe(`--topic: ${shapeFlags.mapFile.description}`),
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
  ...itemsFlags,
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

export const options = flags.superRefine(({ events, topic, map, where, mapFile, schemaRegistry }, check) => {
  const refuse = (path: string, message: string) => check.addIssue({ code: "custom", path: [path], message });
  if (topic !== undefined && events !== undefined) refuse("topic", "others fill it: --events has no place there");
  if (topic !== undefined) return;
  if (map.includes("$")) refuse("map", "paths ($) lead into messages: name with --topic those of which topic");
  if (where !== "") refuse("where", "it is for messages of a --topic");
  if (schemaRegistry !== undefined) refuse("schemaRegistry", "it is for messages of a --topic");
  if (mapFile !== undefined) refuse("mapFile", "it is for messages of a --topic");
});
export type Config = z.output<typeof options>;
