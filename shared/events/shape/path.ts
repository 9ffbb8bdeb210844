// Paths into a message: RFC 9535's (JSONPath) that lead to one value, and `[*]` for each element of a list.
// Descendants, slices and filters are not of them: what a row is would no longer be plain. Pure.
import { type Cursor, match, quoted, refuse, takes } from "./cursor.ts";

/** A field's name, an element's number, or each element. */
export type Step = string | number | typeof EACH;
export const EACH = Symbol("each element");

/**
 * Where a path begins: the value (of a preset the row, or the data, in it), what a preset takes it out of, the
 * message's key, one of its headers, Kafka's own time.
 */
export type Root = keyof typeof roots;
const roots = { value: "$", envelope: "$envelope", key: "$key", headers: "$headers", timestamp: "$timestamp" } as const;

export interface Path {
  readonly root: Root;
  readonly steps: readonly Step[];
  /** As it was written. */
  readonly text: string;
}

const MOST_STEPS = 64;
const name = /[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*/y;

/** The path that begins here, with its `$`. Throws MAP_MALFORMED. */
export function parsePath(cursor: Cursor): Path {
  const from = cursor.at;
  if (!takes(cursor, "$")) refuse(cursor, "a path begins with $");
  const word = match(cursor, name);
  const [root] = (Object.entries(roots) as [Root, string][]).find(([, text]) => text === `$${word ?? ""}`) ?? [];
  if (root === undefined)
    refuse(cursor, `there is no $${word}: fields are $.${word}, and beside $ there are $key, $headers, ...`, from);
  const steps: Step[] = [];
  for (let step = nextStep(cursor); step !== undefined; step = nextStep(cursor)) {
    steps.push(step);
    if (steps.length > MOST_STEPS) refuse(cursor, `more than ${MOST_STEPS} steps`, from);
  }
  if (root === "headers" && !(steps.length === 1 && typeof steps[0] === "string"))
    refuse(cursor, "name one header: $headers.name or $headers['a-name']", from);
  if (root === "timestamp" && steps.length > 0) refuse(cursor, "Kafka's own time has no fields", from);
  if (root !== "value" && steps.includes(EACH)) refuse(cursor, "only the value's lists make rows", from);
  return { root, steps, text: cursor.text.slice(from, cursor.at) };
}

function nextStep(cursor: Cursor): Step | undefined {
  const from = cursor.at;
  if (takes(cursor, ".")) {
    if (takes(cursor, ".")) refuse(cursor, "descendants (..) are not known: name each step", from);
    if (takes(cursor, "*")) return EACH;
    return match(cursor, name) ?? refuse(cursor, "a field's name comes here; one with other signs is written ['so']");
  }
  if (!takes(cursor, "[")) return undefined;
  const step = inBrackets(cursor);
  if (!takes(cursor, "]")) refuse(cursor, "a ] comes here: one name, one number or * (no lists, slices and filters)");
  return step;
}

function inBrackets(cursor: Cursor): Step {
  if (takes(cursor, "*")) return EACH;
  if (/['"]/.test(cursor.text[cursor.at] ?? "")) return quoted(cursor);
  const index = match(cursor, /(?:0|[1-9]\d{0,5})/y);
  return index === undefined
    ? refuse(cursor, "a name in quotes, a number from 0 on, or * comes here (no slices and filters)")
    : Number(index);
}
