// The flags of `ingest`.
import { z } from "zod";
import { shapeFlags } from "../../shared/files/shape-flags.ts";
import { portFlag } from "../../shared/http/port.ts";
import { kafkaConfigFlag } from "../../shared/kafka/given.ts";
import { duration, size } from "../../shared/runtime/amount.ts";
import { folder } from "../../shared/runtime/location.ts";
import { LONGEST_RETENTION } from "../../shared/table/vacuum-plan.ts";

export const options = z.object({
  topic: z
    .string()
    .min(1)
    .default("interactions")
    .describe("where the events come from; created with 4 partitions where missing"),
  ...shapeFlags,
  table: folder().optional().describe("the table, holds events/ (default: table/ in the data directory)"),
  deadLetters: folder()
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
      "what becomes of messages that Kafka deleted before they were read: ingest stops before the gap, or books it as " +
        "LOST and goes on",
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
    .describe("Kafka's consumer group: processes of one group share the partitions (default: one for each table)"),
  kafkaConfig: kafkaConfigFlag(),
  dataDir: folder().default(".tributary").describe("where everything lies"),
  httpPort: portFlag().default(0).describe("for /status and /metrics; 0 takes any free one"),
});
export type Config = z.output<typeof options>;
