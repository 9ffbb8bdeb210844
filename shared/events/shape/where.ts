// Which messages, or rows, are taken: the comparisons of RFC 9535's filters, such as `$.type == "purchase" && $.n > 2`.
// A test is data; mapped.ts asks it. Pure.
import { type Cursor, cursorOf, isAtEnd, number, quoted, refuse, skipBlanks, takes } from "./cursor.ts";
import { type Path, parsePath } from "./path.ts";

export type Operand = { readonly path: Path } | { readonly literal: string | number | boolean | null };
const comparisons = ["==", "!=", "<=", ">=", "<", ">"] as const;
export type Comparison = (typeof comparisons)[number];

export type Test =
  | { readonly type: "and" | "or"; readonly of: readonly Test[] }
  | { readonly type: "not"; readonly of: Test }
  /** There is something, null included. */
  | { readonly type: "has"; readonly path: Path }
  | { readonly type: "compare"; readonly by: Comparison; readonly left: Operand; readonly right: Operand };

const MOST_DEPTH = 100;

/** Throws MAP_MALFORMED. */
export function parseWhere(text: string, what = "--where"): Test {
  const cursor = cursorOf(text, what);
  const test = anyOf(cursor, 0);
  if (!isAtEnd(cursor)) refuse(cursor, "&&, || or the end comes here");
  return test;
}

function anyOf(cursor: Cursor, depth: number): Test {
  if (depth > MOST_DEPTH) refuse(cursor, "nested too deep");
  const of = [allOf(cursor, depth)];
  while (takes(cursor, "||")) of.push(allOf(cursor, depth));
  return of.length === 1 ? of[0]! : { type: "or", of };
}

function allOf(cursor: Cursor, depth: number): Test {
  const of = [one(cursor, depth)];
  while (takes(cursor, "&&")) of.push(one(cursor, depth));
  return of.length === 1 ? of[0]! : { type: "and", of };
}

function one(cursor: Cursor, depth: number): Test {
  if (depth > MOST_DEPTH) refuse(cursor, "nested too deep");
  skipBlanks(cursor);
  const from = cursor.at;
  const isNegated = takes(cursor, "!");
  skipBlanks(cursor);
  if (takes(cursor, "(")) {
    const test = anyOf(cursor, depth + 1);
    if (!takes(cursor, ")")) refuse(cursor, "the ( is not closed", from);
    skipBlanks(cursor);
    return isNegated ? { type: "not", of: test } : test;
  }
  const left = operand(cursor);
  skipBlanks(cursor);
  const by = comparisons.find((each) => takes(cursor, each));
  if (by === undefined) {
    if (!("path" in left)) refuse(cursor, "a comparison comes here: ==, !=, <, <=, > or >=");
    const test: Test = { type: "has", path: left.path };
    return isNegated ? { type: "not", of: test } : test;
  }
  if (isNegated) refuse(cursor, "! stands before a path or a (", from);
  skipBlanks(cursor);
  const right = operand(cursor);
  skipBlanks(cursor);
  return { type: "compare", by, left, right };
}

function operand(cursor: Cursor): Operand {
  const character = cursor.text[cursor.at] ?? "";
  if (character === "$") return { path: parsePath(cursor) };
  if (character === "'" || character === '"') return { literal: quoted(cursor) };
  for (const [word, literal] of [
    ["true", true],
    ["false", false],
    ["null", null],
  ] as const)
    if (takes(cursor, word)) return { literal };
  const found = number(cursor);
  return found === undefined
    ? refuse(cursor, "a path ($.a), a number, a text in quotes, true, false or null comes here")
    : { literal: found };
}

/** All paths of a test. */
export function pathsOf(test: Test): Path[] {
  switch (test.type) {
    case "and":
    case "or":
      return test.of.flatMap(pathsOf);
    case "not":
      return pathsOf(test.of);
    case "has":
      return [test.path];
    case "compare":
      return [test.left, test.right].flatMap((each) => ("path" in each ? [each.path] : []));
  }
}
