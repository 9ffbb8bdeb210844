// reference/status.md: what each service says of itself at GET /status, from the schema that its answer must fit.
import { z } from "zod";
import { statuses } from "../../shared/health/status/readings.ts";
import { code, tableOf } from "./markdown.ts";

interface Schema {
  readonly type?: string;
  readonly description?: string;
  /** Of a number. */
  readonly unit?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly const?: string;
}

/** One row for each field, and one for each that it holds: `trainers[].parts`. */
function rowsOf(path: string, schema: Schema, description = schema.description): string[][] {
  const [inner, nothing] = schema.anyOf ?? [];
  if (inner && nothing?.type === "null") return rowsOf(path, inner, description ?? inner.description).map(orNull(path));
  const row = [code(path), typeOf(schema), description ?? ""];
  if (schema.type === "array") return [row, ...held(`${path}[]`, schema.items)];
  if (schema.type === "object" && typeof schema.additionalProperties === "object")
    return [row, ...held(`${path}{}`, schema.additionalProperties)];
  return schema.type === "object" ? [row, ...fieldsOf(`${path}.`, schema)] : [row];
}

const orNull = (path: string) => (row: string[]) => {
  const [name, type = "", meaning = ""] = row;
  if (name !== code(path)) return row;
  return [name, type.startsWith("number") ? type.replace("number", "number or null") : `${type} or null`, meaning];
};

/** What a list or a map holds has rows of its own only where it has fields. */
function held(path: string, schema: Schema = {}): string[][] {
  if (schema.properties) return fieldsOf(`${path}.`, schema);
  return typeof schema.additionalProperties === "object" ? held(`${path}{}`, schema.additionalProperties) : [];
}

const fieldsOf = (prefix: string, { properties = {} }: Schema): string[][] =>
  Object.entries(properties).flatMap(([name, field]) => rowsOf(`${prefix}${name}`, field));

function typeOf({ type = "any", unit, enum: names, const: only, items, additionalProperties }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (names) return names.map((name) => JSON.stringify(name)).join(", ");
  if (unit !== undefined) return `${type}, ${unit}`;
  if (type === "array") return `list: ${typeOf(items ?? {})}`;
  return typeof additionalProperties === "object" ? `map: ${typeOf(additionalProperties)}` : type;
}

export function statusPage(): string {
  const sections = Object.entries(statuses).map(([name, schema]) => {
    const json = z.toJSONSchema(schema, { io: "input" }) as Schema;
    return `## ${name}\n\n${tableOf(["field", "type", "meaning"], fieldsOf("", json))}`;
  });
  return `# Status

What \`GET /status\` of each service answers, as JSON; [HTTP](http.md) says who may read it. \`[]\` stands for each
entry of a list, \`{}\` for each of a map by name. \`tributary status\` and the page read the same, and take a field
that is missing or new for unknown: services of two versions may run side by side.

${sections.join("\n\n")}
`;
}
