// The flags of `benchmark --stream`.
import { z } from "zod";
import { driftFlag } from "../../../../shared/events/drift-flag.ts";
import { fileFlags } from "../../../../shared/files/flags.ts";
import { duration } from "../../../../shared/runtime/amount.ts";
import { listOf } from "../../../../shared/runtime/lists.ts";
import { file } from "../../../../shared/runtime/location.ts";
import { names } from "./contestants.ts";

const integer = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

export const streamFlags = {
  stream: file()
    .optional()
    .describe(
      "instead of --data: a file of events, CSV, JSON or Parquet, packed or not, or the word synthetic, replayed in " +
        "order; every arrival is ranked by all contestants before it is learned",
    ),
  events: integer(1, 2 ** 31 - 1)
    .optional()
    .describe("stream: at most so many; synthetic: 200000 unless given"),
  order: z
    .enum(["file", "time"])
    .default("file")
    .describe("stream: of the file's rows, as replay sends them, or by their times, equal ones as in the file"),
  drift: driftFlag,
  seed: integer(0, 2 ** 32 - 1)
    .default(1337)
    .describe("stream: of the synthetic one, and of the models"),
  rate: z.coerce
    .number()
    .min(1)
    .max(1e9)
    .default(2_000)
    .describe("stream: events a second, which turn the lags into events"),
  countsLag: duration("1d").prefault("1s").describe("stream: how old what is hot is when it is served"),
  round: duration("1d").prefault("12s").describe("stream: from one round of training to the next"),
  modelLag: duration("1d").prefault("6s").describe("stream: from a model's pinned events to its publication"),
  retrain: integer(1, 10_000)
    .default(8)
    .describe("stream: rounds that a model trained from scratch takes; it is published after the last"),
  usersPerRound: integer(50, 1e6).default(5_000).describe("stream: users that a round trains on"),
  hidden: integer(1, 4096).default(64).describe("stream: width of the network's layers; 600 in `up`"),
  latent: integer(1, 4096).default(32).describe("stream: of the network; 200 in `up`"),
  gamma: z.coerce.number().min(0).default(0.01).describe("stream: weight of the KL term per item of a user"),
  ranked: integer(1, 10_000).default(40).describe("stream: arrivals that are ranked of each --counts-lag, about"),
  parts: listOf(z.coerce.number().int().min(1) as unknown as z.ZodType<number, string>)
    .optional()
    .describe("stream: events at which parts end, such as 130000,282000; five equal ones unless given"),
  only: listOf(z.enum(names) as z.ZodType<(typeof names)[number], string>)
    .optional()
    .describe(`stream: beside served: ${names.slice(1).join(",")}`),
  plot: file().optional().describe("stream: an SVG file with the curves"),
  threads: integer(1, 256).default(1).describe("stream: that train and score"),
  ...fileFlags,
};
export type StreamConfig = z.output<z.ZodObject<typeof streamFlags>> & { readonly stream: string };
