// The flags of `bench`.
import { z } from "zod";
import { engineNames } from "../../../shared/compute/engine.ts";
import { presetNames } from "../../../shared/events/presets.ts";
import { compressionFlag } from "../../../shared/kafka/codecs.ts";
import { kafkaConfigFlag } from "../../../shared/kafka/given.ts";
import { bandwidth, duration } from "../../../shared/runtime/amount.ts";
import { listOf, numbers } from "../../../shared/runtime/lists.ts";

const size = () => z.coerce.number().int().positive();

export const options = z.object({
  what: z
    .enum(["train", "ingest", "replay", "wire", "engine", "serve", "fresh", "scale", "faults", "pipeline"])
    .describe("what is measured"),
  preset: z
    .enum(presetNames)
    .optional()
    .describe("pipeline (ml20m): a world of that data set's size; train: its --items, --per-user and --epoch-users"),
  from: z
    .enum(["kafka", "table"])
    .default("kafka")
    .describe("pipeline: through a Kafka of its own, or from a table that is written at once"),
  epochs: size().default(1).describe("pipeline: outer epochs"),
  items: size().default(20_108).describe("size of the catalogue"),
  perUser: size().default(86).describe("items of a user"),
  users: size().default(250).describe("engine, wire, scale: users of one part"),
  threads: size().default(1).describe("engine, wire: threads of the engine"),
  batch: size().default(500).describe("train, wire, scale: users of a step"),
  trainers: numbers(1024)
    .optional()
    .describe(
      "train (2), wire (2), fresh (2), pipeline (2), faults (4): trainer processes, of one thread each; scale " +
        "(1,2,4,...,64): how many, one after the other",
    ),
  sync: z.enum(["exact", "local"]).default("exact").describe("train: how trainers are kept together"),
  engine: z.enum(engineNames).optional().describe("train: the trainers' engine (default: what a trainer chooses)"),
  every: z
    .union([z.literal("auto"), size()])
    .optional()
    .describe(
      "train, wire, scale (8): batches of a trainer between two averages, train also auto; faults (5): seconds " +
        "between two",
    ),
  events: size()
    .optional()
    .describe("ingest, replay: events of the topic (1000000); pipeline: of the world (all), fewer are of fewer users"),
  rate: size().default(1_000).describe("fresh: events a second"),
  file: z.string().optional().describe("replay: a file of events (default: made-up ones, as CSV)"),
  partitions: size().max(1024).default(4).describe("ingest, replay: partitions of the topic"),
  memory: z.string().default("512MB").describe("ingest: its --memory"),
  compression: compressionFlag(),
  kafkaConfig: kafkaConfigFlag(),
  epochUsers: size()
    .default(116_677)
    .describe("train: users of the data whose outer epoch is told; a short one is measured"),
  heldOut: size().default(10_000).describe("train: users whose evaluation is timed"),
  megabytes: listOf(z.coerce.number<string>().positive().max(2_000))
    .prefault("20,200")
    .describe("wire: sizes of messages"),
  bandwidth: listOf(bandwidth()).prefault("1Gbit,10Gbit").describe("scale: of the server's link, such as 1Gbit,10Gbit"),
  latency: duration("10s").prefault("1ms").describe("scale: of the network, one way, such as 1ms"),
  costs: z
    .string()
    .optional()
    .describe("scale: file with the answer of `bench wire --json`, instead of measuring first"),
  seconds: size()
    .optional()
    .describe(
      "faults (180): how long trainers are disturbed; serve (5): how long each number of clients asks; " +
        "fresh (60): how long it is asked",
    ),
  json: z.boolean().default(false).describe("the figures as JSON"),
});
export type Config = z.output<typeof options>;
