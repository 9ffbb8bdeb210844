// The flags of `replay`.
import { z } from "zod";
import { driftFlag } from "../../shared/events/drift-flag.ts";
import { presetNames } from "../../shared/events/presets.ts";
import { fileFlags } from "../../shared/files/flags.ts";
import { portFlag } from "../../shared/http/port.ts";
import { compressionFlag } from "../../shared/kafka/codecs.ts";
import { kafkaConfigFlag } from "../../shared/kafka/given.ts";
import { folder } from "../../shared/runtime/location.ts";

export const options = z.object({
  file: z
    .string()
    .describe(
      "CSV, JSON or Parquet, packed or not; - is standard input; or the word synthetic: a made-up stream that " +
        "never ends",
    ),
  topic: z.string().min(1).default("interactions").describe("where to; created with 4 partitions where missing"),
  rate: z.coerce
    .number()
    .nonnegative()
    .optional()
    .describe(
      "events a second. A file, or a preset: as fast as it goes. synthetic: 200 after its history, 0 ends there",
    ),
  ...fileFlags,
  compression: compressionFlag(),
  kafkaConfig: kafkaConfigFlag(),
  seed: z.coerce.number().int().nonnegative().default(1337).describe("synthetic: which stream"),
  drift: driftFlag,
  preset: z
    .enum(presetNames)
    .optional()
    .describe(
      "synthetic: as many users, items and events as that data set has, and no more: 463,435 x 17,769 and 56.9 M; " +
        "571,355 x 41,140 and 33.6 M; 136,677 x 20,720 and 10 M",
    ),
  history: z.coerce
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe(
      "synthetic: events sent at once, with times of the last 24 hours (default: 150000); of a preset (default: all) " +
        "fewer are of so much fewer users",
    ),
  dataDir: folder()
    .default(".tributary")
    .describe(
      "holds the position: a stopped replay goes on from there; a killed one sends its last 8,000 events at most twice",
    ),
  httpPort: portFlag().default(0).describe("for /status and /metrics; 0 takes any free one"),
});
export type Config = z.output<typeof options>;
