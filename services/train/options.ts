// The flags of `train`: those of every system, of the neural ones (shared/runtime/knobs.ts), and of the solved ones.
import { z } from "zod";
import { easeDefaults } from "../../shared/model/ease.ts";
import { isNeural, systemFlag, systemNames, systems } from "../../shared/model/systems.ts";
import { consistent, knobs, saving } from "../../shared/runtime/knobs.ts";

/** Settings of the solved systems: each has some of them. Without a default, so that one which the system does not have is told. */
const settings = {
  lambda: z.coerce.number().positive().optional().describe(`with --model ease: regularisation (default ${easeDefaults.lambda})`),
};
const settingsShape = z.object(settings);

export const options = z
  .object({
    model: systemFlag(systemNames)
      .default("recvae")
      .describe(`the system: ${systemNames.join(", ")}`),
    data: z.string().optional().describe("dataset directory of Liang et al."),
    table: z.string().optional().describe("directory of the tables events and items"),
    epochs: z.coerce.number().int().min(1).default(50).describe("outer epochs: encoder passes, then decoder passes"),
    trainers: z.coerce.number().int().min(1).max(64).default(2).describe("trainer processes; their number does not change the result"),
    patience: z.coerce.number().int().min(1).optional().describe("end after so many epochs without a better validation"),
    out: z.string().optional().describe("where the best model, its manifest and the report go; a run found there is resumed"),
    json: z.boolean().default(false).describe("print the report on stdout"),
    salt: z.string().default("tributary").describe("with --table: decides which users are held out"),
    dataDir: z.string().default(".tributary").describe("where running processes register"),
    ...settings,
    ...saving,
    ...knobs,
  })
  .superRefine((config, context) => {
    if (isNeural(config.model)) consistent({ ...config, model: config.model }, context);
  })
  .superRefine((config, context) => {
    const own = usualOf(config.model);
    for (const name of Object.keys(settings) as (keyof typeof settings)[])
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
