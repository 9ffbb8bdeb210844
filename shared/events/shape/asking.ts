// A `--where` to a function of a row, as RFC 9535 compares: what is not there equals only what is not there either, and
// only numbers with numbers, texts with texts have an order. Pure.
import type { Finder, Finders, Frame } from "./places.ts";
import type { Found } from "./want.ts";
import type { Comparison, Operand, Test } from "./where.ts";

export interface Question {
  /** In how many lists a row must be for it. */
  readonly level: number;
  ask(frame: Frame): boolean;
}

export function questionOf(test: Test, finders: Finders): Question {
  switch (test.type) {
    case "and":
    case "or": {
      const of = test.of.map((each) => questionOf(each, finders));
      const level = Math.max(...of.map((each) => each.level));
      return test.type === "and"
        ? { level, ask: (frame) => of.every(({ ask }) => ask(frame)) }
        : { level, ask: (frame) => of.some(({ ask }) => ask(frame)) };
    }
    case "not": {
      const { level, ask } = questionOf(test.of, finders);
      return { level, ask: (frame) => !ask(frame) };
    }
    case "has": {
      const { level, find } = finders.finderOf(test.path);
      return { level, ask: (frame) => find(frame) !== undefined };
    }
    case "compare": {
      const [left, right] = [operandOf(test.left, finders), operandOf(test.right, finders)];
      const { by } = test;
      return {
        level: Math.max(left.level, right.level),
        ask: (frame) => holds(by, left.find(frame), right.find(frame)),
      };
    }
  }
}

function operandOf(operand: Operand, finders: Finders): Finder {
  return "path" in operand ? finders.finderOf(operand.path) : { level: 0, find: () => operand.literal };
}

function holds(by: Comparison, a: Found, b: Found): boolean {
  switch (by) {
    case "==":
      return equals(a, b);
    case "!=":
      return !equals(a, b);
    case "<":
      return precedes(a, b);
    case ">":
      return precedes(b, a);
    case "<=":
      return precedes(a, b) || equals(a, b);
    case ">=":
      return precedes(b, a) || equals(a, b);
  }
}

const isNumber = (value: Found) => typeof value === "number" || typeof value === "bigint";

/** Lists and objects equal nothing. */
function equals(a: Found, b: Found): boolean {
  if (isNumber(a) && isNumber(b)) return !precedes(a, b) && !precedes(b, a);
  return a === b && typeof a !== "symbol" && !Array.isArray(a);
}

function precedes(a: Found, b: Found): boolean {
  const isOrdered = (isNumber(a) && isNumber(b)) || (typeof a === "string" && typeof b === "string");
  return isOrdered && (a as number) < (b as number);
}
