// The flags of `server`, and which go together.
import { availableParallelism } from "node:os";
import { z } from "zod";
import { mustNameOne } from "../../shared/corpus/source.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { MOST_NAMES } from "../../shared/events/new-items.ts";
import { portFlag } from "../../shared/http/port.ts";
import { canGrow } from "../../shared/neural/recipe.ts";
import { duration } from "../../shared/runtime/amount.ts";
import { folder, location } from "../../shared/runtime/location.ts";
import { defaultSystem, neuralNames } from "../../shared/systems/registry.ts";
import { systemFlag } from "../../shared/systems/system-flag.ts";
import { consistent, knobs, recipeIn, saving, vocabulary } from "../../shared/training/knobs.ts";

const flags = z.object({
  model: systemFlag(neuralNames)
    .default(defaultSystem)
    .describe(`the system that is trained: ${neuralNames.join(", ")}`),
  data: location().optional().describe("dataset directory of Liang et al."),
  table: location().optional().describe("directory of the tables events and items"),
  out: folder().describe("where checkpoints and the model go; a run found there is resumed"),
  listen: z.string().default("127.0.0.1:7070").describe("HOST:PORT for trainers; port 0 takes any"),
  epochs: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("end after so many outer epochs (default: train on as events arrive)"),
  patience: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("with --epochs: end after so many without a better validation"),
  timeLimit: duration("365d")
    .optional()
    .describe("with --epochs: end before an epoch that would go beyond so long, such as 30m; one is always done"),
  usersPerRound: z.coerce.number().int().min(1).default(5_000).describe("without --epochs: most users of a round"),
  roundSeconds: z.coerce
    .number()
    .positive()
    .optional()
    .describe(
      "without --epochs: a round has so many batches of users that it takes about so long, one at least; what is " +
        "trained is in a published model the sooner, the shorter they are",
    ),
  maxUsers: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(MOST_NAMES)
    .default(MOST_NAMES)
    .describe(
      "without --epochs: users that there is room for, and items; about 200 bytes of memory each. Events of later " +
        "ones are left out",
    ),
  salt: z.string().default("tributary").describe("with --table: decides which users are held out"),
  threads: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(Math.min(4, availableParallelism()))
    .describe("threads of the server's own arithmetic; their number changes no bit"),
  sharedMemory: z.boolean().default(true).describe("trainers of this machine exchange tensors through /dev/shm"),
  tokenFile: z
    .string()
    .optional()
    .describe(
      "file of lines `ROLE TOKEN` (trainer, evaluator, reader), or of one trainers' token; needed to listen beyond " +
        "loopback",
    ),
  tlsCert: z.string().optional().describe("PEM file with the certificate of --listen, which speaks TLS then (wss://)"),
  tlsKey: z.string().optional().describe("PEM file with its private key"),
  dataDir: folder().default(".tributary").describe("where running processes register"),
  httpPort: portFlag().default(0).describe("port of /status and /metrics, 0 for any"),
  ...saving,
  ...vocabulary,
  ...knobs,
});

export const options = flags.superRefine(consistent);
export type Config = z.output<typeof options>;

/** Throws USAGE. */
export function mustGoTogether(config: Config): void {
  const refuse = (what: string) => {
    throw new AppError("USAGE", { what });
  };
  mustNameOne(config);
  if (config.epochs !== undefined) return;
  if (config.data !== undefined) refuse("--data needs --epochs");
  if (!canGrow(recipeIn(config, 1, 1)))
    refuse(`${config.model} as it is to be trained has no way to take up new items and users: give --epochs`);
  if (config.from !== undefined) refuse("--from needs --epochs");
}
