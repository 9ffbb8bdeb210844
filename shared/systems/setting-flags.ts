// What can be set of the solved systems: a flag for each setting that one of them has, and the mistakes that only the
// chosen system can see.
import { z } from "zod";
import { type SolvedName, type SystemName, solvedNames, systemOf, type systems } from "./registry.ts";
import type { Setting, Settings } from "./system.ts";

/** Of a system without settings TypeScript says "any text". */
type NamesIn<S> = string extends keyof S ? never : keyof S & string;
export type SettingName = { [N in SolvedName]: NamesIn<(typeof systems)[N]["settings"]> }[SolvedName];

/** Settings of a system by their flags; of one that is not solved there are none. */
const settingsOf = (model: SystemName): Settings => {
  const system = systemOf(model);
  return system.kind === "solved" ? system.settings : {};
};

const names = [...new Set(solvedNames.flatMap((model) => Object.keys(settingsOf(model))))] as SettingName[];

/** Without a default, so that one which the system does not have is told. */
export const settingFlags = Object.fromEntries(names.map((name) => [name, flagOf(name)])) as Record<
  SettingName,
  ReturnType<typeof flagOf>
>;

function flagOf(name: SettingName) {
  const having = solvedNames
    .filter((model) => name in settingsOf(model))
    .map((model) => ({ model, setting: settingsOf(model)[name]! }));
  return anyOf(having.map(({ setting }) => setting.rule))
    .optional()
    .describe(helpOf(having));
}

/** A number that one of the systems takes: whether the chosen one does is for `consistentSettings` to say. */
function anyOf(rules: readonly z.ZodNumber[]) {
  return z.coerce.number().superRefine((value, context) => {
    const refusals = rules.map((rule) => rule.safeParse(value).error);
    if (refusals.every((error) => error))
      context.addIssue({ code: "custom", message: refusals[0]!.issues[0]!.message });
  });
}

function helpOf(having: readonly { readonly model: string; readonly setting: Setting }[]): string {
  const models = having.map(({ model }) => model);
  const usuals = [...new Set(having.map(({ setting }) => setting.usual))];
  const defaults = usuals.length === 1 ? usuals : having.map(({ model, setting }) => `${setting.usual} for ${model}`);
  return (
    `of ${[models.slice(0, -1).join(", "), ...models.slice(-1)].filter(Boolean).join(" and ")}: ` +
    `${having[0]!.setting.help} (default ${defaults.join(", ")})`
  );
}

/** For `superRefine`: settings that the system has not, and values that it does not take. */
export function consistentSettings(
  values: { readonly model: SystemName } & { readonly [N in SettingName]?: number | undefined },
  context: z.RefinementCtx,
): void {
  const own = settingsOf(values.model);
  for (const name of names) {
    const value = values[name];
    if (value === undefined) continue;
    const message = own[name]
      ? own[name].rule.safeParse(value).error?.issues[0]?.message
      : `is no setting of ${values.model}`;
    if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
  }
}

/** What was asked for, and the usual value of what was not. The settings of the model without `items`. */
export function settingsIn(
  values: { readonly model: SystemName } & { readonly [N in SettingName]?: number | undefined },
): Record<string, number> {
  const own = Object.entries(settingsOf(values.model));
  return Object.fromEntries(own.map(([name, { usual }]) => [name, values[name as SettingName] ?? usual]));
}
