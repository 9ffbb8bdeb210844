// The flags of `serve`.
import { z } from "zod";
import { portFlag } from "../../shared/http/port.ts";
import { kafkaConfigFlag } from "../../shared/kafka/given.ts";
import { itemsFlags } from "../../shared/recommending/items/flags.ts";
import { folder, location } from "../../shared/runtime/location.ts";

export const options = z.object({
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  models: location().optional().describe("where models are published (default: models of the data directory)"),
  table: location()
    .optional()
    .describe("the table that users' histories come from (default: table of the data directory)"),
  topic: z
    .string()
    .min(1)
    .default("interactions")
    .describe("topic that the table is made of; followed beside it, for events that it does not hold yet"),
  follow: z
    .boolean()
    .default(true)
    .describe("follow the topic where Kafka is in reach; without it answers know what the table knows"),
  kafkaConfig: kafkaConfigFlag(),
  ...itemsFlags,
  host: z.string().default("127.0.0.1").describe("address to listen on; beyond loopback with --token-file"),
  tokenFile: z
    .string()
    .optional()
    .describe("file of lines `ROLE TOKEN`, of which readers may ask, or of one readers' token"),
  httpPort: portFlag().default(8081).describe("port; 0 takes any free one"),
});
export type Config = z.output<typeof options>;
