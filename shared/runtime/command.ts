// What a command is, and how its configuration is read: flags, then TRIBUTARY_ environment variables, then defaults;
// all problems told at once.
import { parseArgs } from "node:util";
import type { z } from "zod";
import { AppError } from "../errors/errors.ts";
import type { Until } from "./lifecycle.ts";
import { meantOf } from "./spelling.ts";

export interface Command<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly summary: string;
  /** Names of options given by position, in order: `replay FILE`. */
  readonly positionals?: readonly string[];
  /** One zod schema; every field has `.describe("what it is")`. */
  readonly options: S;
  run(config: z.output<S>, until: Until): Promise<void>;
}

export function defineCommand<S extends z.ZodObject>(command: Command<S>): Command<S> {
  return command;
}

/** Flags that were called otherwise once, with what each is called now. */
const renamed: Readonly<Record<string, string>> = {
  "not-alternating": "--no-alternating",
  "no-not-alternating": "--alternating",
};
const isNamed = (flag: string, key: string) => flag.replace(/^--(no-)?/, "") === kebab(key);

const kebab = (key: string) => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
/** An option as another process is told it. */
export const asFlag = (key: string, value: unknown): string => `--${kebab(key)}=${value}`;
/** A one-letter option is written `-k 10`; `--k 10` is understood too. */
const flagOf = (key: string) => (key.length === 1 ? `-${key}` : `--${kebab(key)}`);
const variable = (key: string) => `TRIBUTARY_${kebab(key).toUpperCase().replaceAll("-", "_")}`;

/** Kind of the innermost type below defaults and optionals: "boolean", "number", "string", ... */
function kindOf(field: z.ZodType): string {
  const def = (field as unknown as { def: { type: string; innerType?: z.ZodType; in?: z.ZodType } }).def;
  const inner = def.innerType ?? def.in;
  return inner ? kindOf(inner) : def.type;
}

function choicesOf(field: z.ZodType): string[] | undefined {
  const def = (field as unknown as { def: { innerType?: z.ZodType; entries?: Readonly<Record<string, string>> } }).def;
  return def.innerType ? choicesOf(def.innerType) : def.entries && Object.values(def.entries);
}

/** Throws AppError USAGE that lists every problem: flag, value, rule. */
export function readConfig<S extends z.ZodObject>(
  command: Command<S>,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): z.output<S> {
  const fields = command.options.shape as Record<string, z.ZodType>;
  const positionals = command.positionals ?? [];
  const flags = Object.keys(fields).filter((key) => !positionals.includes(key));
  const isBoolean = (key: string) => kindOf(fields[key]!) === "boolean";
  const isNumber = (key: string) => kindOf(fields[key]!) === "number"; // an empty text would be read as 0
  const options = Object.fromEntries(
    flags.map((key) => {
      const type = isBoolean(key) ? ("boolean" as const) : ("string" as const);
      return [kebab(key), key.length === 1 ? { type, short: key } : { type }];
    }),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
  });

  const raw: Record<string, unknown> = {};
  const fromVariables = new Set<string>();
  const problems: string[] = [];
  for (const key of flags) {
    const text = setting(env, variable(key));
    if (text === undefined) continue;
    raw[key] = isBoolean(key) ? asBoolean(text) : text;
    fromVariables.add(key);
  }
  for (const [before, now] of Object.entries(renamed)) {
    const key = flags.find((k) => isNamed(now, k));
    const name = variable(before);
    if (key !== undefined && setting(env, name) !== undefined)
      problems.push(`${name} is called ${variable(key)} now, and says the opposite`);
  }
  const given: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") given.push(token.value);
    if (token.kind !== "option") continue;
    // By the raw name: some versions of Node take the "no-" off the token's own name, others leave it.
    const negated = token.rawName.startsWith("--no-") && !flags.some((k) => `--${kebab(k)}` === token.rawName);
    const name = negated ? token.rawName.slice("--no-".length) : token.name;
    const key = flags.find((k) => kebab(k) === name);
    const now = renamed[token.rawName.slice("--".length)];
    if (!key && now !== undefined && flags.some((k) => isNamed(now, k)))
      problems.push(`${token.rawName} is called ${now} now`);
    else if (!key) problems.push(`${token.rawName} is no flag of \`${command.name}\`${meant(name, flags.map(kebab))}`);
    else if (isBoolean(key)) raw[key] = token.value === undefined ? !negated : asBoolean(token.value);
    else if (token.value === undefined || (isNumber(key) && token.value.trim() === ""))
      problems.push(`${token.rawName} needs a value`);
    else raw[key] = token.value;
    if (key) fromVariables.delete(key);
  }
  given.forEach((value, k) => {
    const key = positionals[k];
    if (key) raw[key] = value;
    else problems.push(`unexpected argument "${value}"`);
  });
  const parsed = command.options.safeParse(raw);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const key = String(issue.path[0] ?? "");
      const name = positionals.includes(key) ? key.toUpperCase() : flagOf(key);
      if (fromVariables.has(key))
        problems.push(`${variable(key)} "${raw[key]}": ${issue.message}${strangers(raw[key])}`);
      else if (typeof raw[key] === "boolean")
        problems.push(`${raw[key] ? name : `--no-${kebab(key)}`}: ${issue.message}`);
      else if (raw[key] !== undefined) problems.push(`${name} "${raw[key]}": ${issue.message}`);
      else problems.push(issue.code === "custom" ? `${name} is required: ${issue.message}` : `${name} is required`);
    }
  }
  if (problems.length > 0) throw new AppError("USAGE", { what: problems.join("; "), command: command.name });
  return parsed.data as z.output<S>;
}

/** The value of an environment variable; an empty one is not set, as in `VARIABLE=` or Compose's `${VARIABLE:-}`. */
export function setting(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name];
  return text === undefined || text.trim() === "" ? undefined : text;
}

/** Kubernetes sets NAME_PORT=tcp://... for a Service called NAME, in every container beside it. */
const strangers = (value: unknown) =>
  /^(tcp|udp|sctp):\/\//.test(String(value))
    ? " (Kubernetes sets it for a Service of this name: rename that, or set enableServiceLinks: false)"
    : "";

const asBoolean = (text: string) => (/^(1|true|yes)$/i.test(text) ? true : /^(0|false|no)$/i.test(text) ? false : text);

function meant(name: string, flags: readonly string[]): string {
  const found = meantOf(name, flags);
  return found === undefined ? "" : ` (did you mean ${found.length === 1 ? "-" : "--"}${found}?)`;
}

export interface Flag {
  /** `--data-dir`, `-k`, or FILE for one that is given by position. */
  readonly name: string;
  /** What stands behind it: N, VALUE, or nothing. */
  readonly value: string;
  /** The only values that it takes, where they are a closed list. */
  readonly choices: readonly string[] | undefined;
  readonly fallback: string | undefined;
  readonly text: string;
}

/** What `--help` and the reference say of a command's flags. */
export function flagsOf(command: Command): Flag[] {
  const positionals = command.positionals ?? [];
  return Object.entries(command.options.shape as Record<string, z.ZodType>).map(([key, field]) => {
    const fallback = (field as unknown as { def: { defaultValue?: unknown } }).def.defaultValue;
    const isPositional = positionals.includes(key);
    const kind = kindOf(field);
    return {
      name: isPositional ? key.toUpperCase() : flagOf(key),
      value: isPositional || kind === "boolean" ? "" : kind === "number" ? "N" : "VALUE",
      choices: choicesOf(field),
      fallback: fallback === undefined || fallback === false || fallback === "" ? undefined : String(fallback),
      text: field.description ?? "",
    };
  });
}

/** The text of `--help`. */
export function helpOf(command: Command): string {
  const rows = flagsOf(command).map(({ name, value, text, fallback }) => [
    value === "" ? name : `${name} ${value}`,
    fallback === undefined ? text : `${text} (default ${fallback})`,
  ]);
  const width = Math.max(6, ...rows.map(([name]) => name!.length)) + 2;
  const usage = [
    "tributary",
    command.name,
    ...(command.positionals ?? []).map((key) => key.toUpperCase()),
    "[flags]",
  ].join(" ");
  const lines = rows.map(([name, text]) => `  ${name!.padEnd(width)}${text}`);
  return (
    `${command.summary}\n\nUsage: ${usage}\n\n${lines.join("\n")}\n  ${"--help".padEnd(width)}this ` +
    "text\n\nEvery flag is also an environment variable: --data-dir is TRIBUTARY_DATA_DIR. The flag wins.\n"
  );
}
