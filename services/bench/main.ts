// The `bench` command: figures of this machine, each beside the limit that it is held against.
import { z } from "zod";
import { defineCommand } from "../../shared/runtime/command.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { engineFigures } from "./engine.ts";
import { lineOf } from "./figures.ts";
import { ingestFigures, ingestLines } from "./ingest.ts";
import { trainFigures, trainLines } from "./train.ts";

const size = () => z.coerce.number().int().positive();

export const command = defineCommand({
  name: "bench",
  summary: "Figures, each with its limit beside it: bench engine, bench train, bench ingest",
  positionals: ["what"],
  options: z.object({
    what: z.enum(["train", "ingest", "wire", "engine"]).describe("what is measured"),
    items: size().default(20_108).describe("size of the catalogue"),
    perUser: size().default(86).describe("items of a user"),
    users: size().default(250).describe("engine: users of one part"),
    threads: size().default(1).describe("engine: threads"),
    batch: size().default(500).describe("train: users of a step"),
    trainers: size().max(64).default(2).describe("train: trainer processes, of one thread each"),
    sync: z.enum(["exact", "local"]).default("exact").describe("train: how trainers are kept together"),
    every: size().default(8).describe("train: with --sync local, batches between two averages"),
    events: size().default(1_000_000).describe("ingest: events of the topic"),
    partitions: size().max(1024).default(4).describe("ingest: partitions of the topic"),
    memory: z.string().default("512MB").describe("ingest: its --memory"),
    heldOut: size().default(10_000).describe("train: users whose evaluation is timed"),
    json: z.boolean().default(false).describe("the figures as JSON"),
  }),
  async run(config, until) {
    const print = (engine: string, lines: Parameters<typeof lineOf>[0][]) =>
      process.stdout.write(`${engine}\n${lines.map(lineOf).join("\n")}\n`);
    if (config.what === "engine") {
      const { engine, figures } = await engineFigures(config);
      if (config.json) process.stdout.write(`${JSON.stringify({ engine, figures })}\n`);
      else print(engine, figures);
    } else if (config.what === "train") {
      const figures = await trainFigures(config, until);
      if (config.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
      else
        print(
          `${figures.engine}, ${config.trainers} trainer(s), ${config.items} items, batches of ${config.batch}`,
          trainLines(figures, config),
        );
    } else if (config.what === "ingest") {
      const figures = await ingestFigures(config, until);
      if (config.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
      else print(`${config.events} events in ${config.partitions} partitions, --memory ${config.memory}`, ingestLines(figures));
    } else {
      throw new AppError("NOT_BUILT", {
        what: `bench ${config.what} does not measure anything yet`,
        works: "bench engine, bench train, bench ingest",
      });
    }
  },
});
