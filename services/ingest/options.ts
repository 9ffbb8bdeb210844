// The flags of `ingest`.
import { z } from "zod";
import { shapeFlags } from "../../shared/files/shape-flags.ts";
import { portFlag } from "../../shared/http/port.ts";
import { kafkaConfigFlag } from "../../shared/kafka/given.ts";
import { duration, size } from "../../shared/runtime/amount.ts";
import { folder, location } from "../../shared/runtime/location.ts";
import { LONGEST_RETENTION } from "../../shared/table/vacuum-plan.ts";
import { topicsOf } from "./topics.ts";

export const options = z.object({
  topic: z
    .string()
    .prefault("interactions")
    .transform((text, context) => {
      const topics = topicsOf(text);
      if (topics) return topics;
      context.addIssue({ code: "custom", message: "expected a topic's name, several with commas, or a pattern" });
      return z.NEVER;
    })
    .meta({ example: "clicks,purchases" })
    .describe(
      "where the events come from: a name, or several with commas, created with 4 partitions where missing; or " +
        "`/PATTERN/`, all topics whose whole name fits it, those too that appear later",
    ),
  ...shapeFlags,
  table: location().optional().describe("the table, holds events/ (default: table/ in the data directory)"),
  deadLetters: location()
    .optional()
    .describe("the table of messages that are no events (default: dead-letters/ in the data directory)"),
  untilEnd: z.boolean().default(false).describe("stop at the offsets that the topic ends with now"),
  onBadEvent: z
    .enum(["dead-letter", "stop"])
    .default("dead-letter")
    .describe("what becomes of a message that is no event: kept among the dead letters, or everything stops before it"),
  onLostOffsets: z
    .enum(["stop", "continue"])
    .default("stop")
    .describe(
      "what becomes of messages that Kafka deleted before they were read: ingest stops before the gap, or books it " +
        "as LOST and goes on",
    ),
  onNewTopic: z
    .enum(["stop", "restart"])
    .default("stop")
    .describe(
      "what becomes of a topic that was deleted and made anew: ingest stops, or reads it from its beginning as the " +
        "next epoch of the topic in the tables",
    ),
  flushRows: z.coerce.number().int().min(1).max(1_000_000).default(200_000).describe("events a file, at most about"),
  flushBytes: size("64kB", "256MB").prefault("16MB").describe("memory of the events of a file, at most about"),
  flushSeconds: z.coerce.number().min(0.1).default(10).describe("the longest that an event waits for the table"),
  memory: size("448MB", "64GB").prefault("512MB").describe("of the whole process: reading pauses before it needs more"),
  upkeep: z
    .boolean()
    .default(true)
    .describe("merge small files and vacuum in the background, in processes of their own"),
  retention: duration(LONGEST_RETENTION)
    .prefault("168h")
    .describe("age from which vacuum deletes what the table no longer needs"),
  group: z
    .string()
    .optional()
    .describe(
      "Kafka's consumer group: processes of one group share the partitions (default: one for each " +
        "table and topic; with several topics the topic's name follows it)",
    ),
  kafkaConfig: kafkaConfigFlag(),
  dataDir: folder().default(".tributary").describe("where everything lies"),
  httpPort: portFlag().default(0).describe("for /status and /metrics; 0 takes any free one"),
});
export type Config = z.output<typeof options>;
