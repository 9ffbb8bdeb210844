// The flags of `train`: those of every system, of the neural ones (shared/training/knobs.ts), and of the solved ones
// (shared/systems/setting-flags.ts).
import { z } from "zod";
import { duration } from "../../../shared/runtime/amount.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { defaultSystem, isNeural, trainable } from "../../../shared/systems/registry.ts";
import { consistentSettings, settingFlags } from "../../../shared/systems/setting-flags.ts";
import { systemFlag } from "../../../shared/systems/system-flag.ts";
import { consistent, knobs, saving, vocabulary } from "../../../shared/training/knobs.ts";

/** Settings of neural systems that are undefined unless given: a solved system has none of them. */
const turnable = (Object.keys(knobs) as (keyof typeof knobs)[]).filter(
  (name) => knobs[name].safeParse(undefined).data === undefined,
);

export const options = z
  .object({
    model: systemFlag(trainable)
      .default(defaultSystem)
      .describe(`the system: ${trainable.join(", ")}`),
    data: location().optional().describe("dataset directory of Liang et al."),
    table: location().optional().describe("directory of the tables events and items"),
    epochs: z.coerce.number().int().min(1).default(50).describe("outer epochs: encoder passes, then decoder passes"),
    firstEpochs: z.coerce
      .number()
      .int()
      .min(1)
      .default(100)
      .describe(
        "most epochs of the model that is trained first where one to go on from is needed and --from names none",
      ),
    trainers: z.coerce
      .number()
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe("trainer processes; their number does not change the result"),
    patience: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe("end after so many epochs without a better validation"),
    timeLimit: duration("365d")
      .optional()
      .describe("end before an epoch or a sweep that would go beyond so long, such as 30m; one is always done"),
    out: folder()
      .optional()
      .describe("where the best model, its manifest and the report go; a run found there is resumed"),
    json: z.boolean().default(false).describe("print the report on stdout"),
    salt: z.string().default("tributary").describe("with --table: decides which users are held out"),
    dataDir: folder().default(".tributary").describe("where running processes register"),
    ...settingFlags,
    ...saving,
    ...vocabulary,
    ...knobs,
  })
  .superRefine((config, context) => {
    // A model to go on from is trained first where none is named.
    if (isNeural(config.model)) consistent({ ...config, model: config.model, from: config.from ?? "" }, context);
  })
  .superRefine(consistentSettings)
  .superRefine((config, context) => {
    if (isNeural(config.model)) return;
    for (const name of turnable)
      if (config[name] !== undefined)
        context.addIssue({ code: "custom", path: [name], message: `is no setting of ${config.model}` });
  });
export type Config = z.output<typeof options>;
