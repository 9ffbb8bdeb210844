// The `bench` command: figures of this machine, each beside the limit that it is held against.
import { z } from "zod";
import { defineCommand } from "../../shared/runtime/command.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { engineFigures } from "./engine.ts";

/** A measured figure; `limit` is the worst value that is still good, absent where the figure is only told. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: { readonly is: "at most" | "at least"; readonly value: number };
}

export const command = defineCommand({
  name: "bench",
  summary: "Figures, each with its limit beside it: bench engine",
  positionals: ["what"],
  options: z.object({
    what: z.enum(["train", "ingest", "wire", "engine"]).describe("what is measured"),
    items: z.coerce.number().int().positive().default(20_108).describe("size of the catalogue"),
    users: z.coerce.number().int().positive().default(250).describe("users of one part"),
    perUser: z.coerce.number().int().positive().default(86).describe("items of a user"),
    threads: z.coerce.number().int().positive().default(1).describe("threads of the engine"),
    json: z.boolean().default(false).describe("the figures as JSON"),
  }),
  async run(config) {
    if (config.what !== "engine")
      throw new AppError("NOT_BUILT", { what: `bench ${config.what} does not measure anything yet`, works: "bench engine" });
    const { engine, figures } = await engineFigures(config);
    if (config.json) process.stdout.write(`${JSON.stringify({ engine, figures })}\n`);
    else process.stdout.write(`${engine}\n${figures.map(lineOf).join("\n")}\n`);
  },
});

function lineOf({ name, value, unit, limit }: Figure): string {
  const held = limit && (limit.is === "at most" ? value <= limit.value : value >= limit.value);
  const beside = limit ? `  ${limit.is} ${limit.value} ${unit}  ${held ? "✓" : "✗ missed"}` : "";
  return `  ${name.padEnd(44)}${value.toFixed(1).padStart(9)} ${unit.padEnd(8)}${beside}`;
}
