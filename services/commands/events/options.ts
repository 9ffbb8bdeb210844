// The flags of `events`.
import { z } from "zod";
import { shapeFlags } from "../../../shared/files/shape-flags.ts";
import { kafkaConfigFlag } from "../../../shared/kafka/given.ts";
import { folder } from "../../../shared/runtime/location.ts";

export const options = z.object({
  action: z.enum(["preview"], "must be preview").describe("preview: what a map makes of a few messages"),
  topic: z.string().min(1).default("interactions").describe("where the messages are; nothing is written, nor created"),
  ...shapeFlags,
  messages: z.coerce.number().int().min(1).max(1000).default(10).describe("how many of the newest messages to show"),
  json: z.boolean().default(false).describe("one JSON object a message"),
  dataDir: folder().default(".tributary").describe("whose Kafka it is, where none is named"),
  kafkaConfig: kafkaConfigFlag(),
});
