// The flags of `evaluate`.
import { z } from "zod";
import { scoringEngine } from "../../../shared/compute/engine-flag.ts";
import { numbers } from "../../../shared/runtime/lists.ts";
import { file, folder, location } from "../../../shared/runtime/location.ts";
import { usualLambda } from "../../../shared/systems/ease/ease.ts";

const flags = z.object({
  checkpoint: location()
    .optional()
    .describe("a checkpoint, a published model, what `train` left, or PyTorch's weights as a .safetensors file"),
  data: location().optional().describe("dataset directory"),
  table: location().optional().describe("table, read to its newest version"),
  stream: folder()
    .optional()
    .describe("instead of --checkpoint: a data directory, of which what was served is told as its evaluator scored it"),
  parts: numbers(2 ** 31 - 1)
    .optional()
    .describe("stream: events at which parts end, such as 130000,282000; five equal ones unless given"),
  k: numbers(1000).default([20, 50, 100]).describe("lengths of the lists that are judged"),
  ease: z
    .boolean()
    .default(true)
    .describe("EASE as a reference line, beyond 20,000 items each of them by 200 others; --no-ease leaves it out"),
  easeLambda: z.coerce.number().positive().default(usualLambda).describe("its regularisation"),
  perUser: file().optional().describe("Parquet file for every user's metrics"),
  maxUsers: z.coerce.number().int().min(1).default(10_000).describe("held-out users of each part of a table, at most"),
  engine: scoringEngine,
  json: z.boolean().default(false).describe("print JSON"),
});

export const options = flags.superRefine(({ checkpoint, stream, data, table }, context) => {
  const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (stream === undefined && checkpoint === undefined)
    issue("checkpoint", "a model; or --stream, the data directory of a run");
  if (stream === undefined) return;
  if (checkpoint !== undefined) issue("checkpoint", "give either --checkpoint or --stream");
  if (data !== undefined) issue("data", "it is for a --checkpoint");
  if (table !== undefined) issue("table", "it is for a --checkpoint");
});
