// The flags of `train`: those of every system, of the neural ones (shared/training/knobs.ts), and of the solved ones.
import { z } from "zod";
import { duration } from "../../../shared/runtime/amount.ts";
import { folder } from "../../../shared/runtime/location.ts";
import { ialsDefaults, wmfDefaults } from "../../../shared/solvers/factors.ts";
import { easeDefaults } from "../../../shared/systems/ease/ease.ts";
import { slimDefaults } from "../../../shared/systems/slim/slim.ts";
import { isNeural, systemFlag, systems, trainable } from "../../../shared/systems/systems.ts";
import { consistent, knobs, saving, vocabulary } from "../../../shared/training/knobs.ts";

const count = () => z.coerce.number().int().min(1);
/** Settings of the solved systems: each has some of them. Without a default, so that one which the system does not have is told. */
const settings = {
  lambda: z.coerce
    .number()
    .positive()
    .optional()
    .describe(`regularisation of ease (default ${easeDefaults.lambda}), wmf (${wmfDefaults.lambda}) and ials (${ialsDefaults.lambda})`),
  l1: z.coerce.number().min(0).optional().describe(`of slim: weight of the sum of the weights (default ${slimDefaults.l1})`),
  l2: z.coerce.number().min(0).optional().describe(`of slim: half the weight of their squares (default ${slimDefaults.l2})`),
  factors: count()
    .optional()
    .describe(`of wmf (default ${wmfDefaults.factors}) and ials (${ialsDefaults.factors}): how many a user and an item have`),
  sweeps: count().optional().describe(`of wmf and ials: how often users and items are solved for (default ${ialsDefaults.sweeps})`),
  positiveWeight: z.coerce
    .number()
    .min(1)
    .optional()
    .describe(`of wmf: weight of what a user has (default ${wmfDefaults.positiveWeight}), beside 1`),
  alpha0: z.coerce
    .number()
    .positive()
    .optional()
    .describe(`of ials: weight of all items (default ${ialsDefaults.alpha0}), beside 1 for what a user has`),
  nu: z.coerce.number().min(0).optional().describe(`of ials: how lambda grows with a row's entries (default ${ialsDefaults.nu})`),
};
const settingsShape = z.object(settings);
/** Settings of neural systems that are undefined unless given: a solved system has none of them. */
const turnable = Object.keys(knobs).filter((name) => knobs[name as keyof typeof knobs].safeParse(undefined).data === undefined);

export const options = z
  .object({
    model: systemFlag(trainable)
      .default("recvae")
      .describe(`the system: ${trainable.join(", ")}`),
    data: folder().optional().describe("dataset directory of Liang et al."),
    table: folder().optional().describe("directory of the tables events and items"),
    epochs: z.coerce.number().int().min(1).default(50).describe("outer epochs: encoder passes, then decoder passes"),
    firstEpochs: z.coerce
      .number()
      .int()
      .min(1)
      .default(100)
      .describe("most epochs of the mult-vae that is trained first where --from names none"),
    trainers: z.coerce.number().int().min(1).max(64).default(2).describe("trainer processes; their number does not change the result"),
    patience: z.coerce.number().int().min(1).optional().describe("end after so many epochs without a better validation"),
    timeLimit: duration("365d")
      .optional()
      .describe("end before an epoch or a sweep that would go beyond so long, such as 30m; one is always done"),
    out: folder().optional().describe("where the best model, its manifest and the report go; a run found there is resumed"),
    json: z.boolean().default(false).describe("print the report on stdout"),
    salt: z.string().default("tributary").describe("with --table: decides which users are held out"),
    dataDir: folder().default(".tributary").describe("where running processes register"),
    ...settings,
    ...saving,
    ...vocabulary,
    ...knobs,
  })
  .superRefine((config, context) => {
    // A model to go on from is trained first where none is named.
    if (isNeural(config.model)) consistent({ ...config, model: config.model, from: config.from ?? "" }, context);
  })
  .superRefine((config, context) => {
    const own = usualOf(config.model);
    const foreign = [...Object.keys(settings), ...(isNeural(config.model) ? [] : turnable)];
    for (const name of foreign as (keyof typeof settings | keyof typeof knobs)[])
      if (config[name] !== undefined && !(name in own))
        context.addIssue({ code: "custom", path: [name], message: `is no setting of ${config.model}` });
  });
export type Config = z.output<typeof options>;

/** What was asked for, and the usual value of what was not. The settings of the model without `items`. */
export function settingsOf(config: Config): Record<string, unknown> {
  const given = Object.entries(settingsShape.parse(config)).filter(([, value]) => value !== undefined);
  return { ...usualOf(config.model), ...Object.fromEntries(given) };
}

const usualOf = (model: Config["model"]): object => (isNeural(model) ? {} : systems[model].usual);
