// What makes a row of cells an event, or what is wrong with it. Pure.
import type { Columns, Problem, Row } from "../events/columns.ts";
import { isTimestamp } from "../events/event.ts";
import { inMs, instantOf, noTime, type TimeUnit } from "../events/times.ts";
import { type Decimal, isDoubtful, isNobody, isNothing, numberOf, weightOf } from "./cells.ts";

/** How the cells of a file are to be read. */
export interface Reading {
  readonly unit: TimeUnit;
  readonly decimal: Decimal | null;
  /** Columns of ids that are whole numbers but for a few written like 1e+05. */
  readonly integers: { readonly user: boolean; readonly item: boolean };
}

/** An event, or what is wrong with it. `time` in whole ms; null: whenever it is sent. */
export function rowOf(user: string, item: string, timestamp: number | null, value: number | null): Row | Problem {
  if (isNobody(user)) return nameless("user", user);
  if (isNobody(item)) return nameless("item", item);
  if (timestamp !== null && !isTimestamp(timestamp))
    return { kind: "time", problem: `the time ${timestamp} cannot be read` };
  if (value !== null && !Number.isFinite(value)) return { kind: "value", problem: `the value ${value} is no number` };
  return { user, item, timestamp, value };
}

const nameless = (kind: "user" | "item", name: string): Problem => ({
  kind,
  problem: name === "" ? `the ${kind} is empty` : `the ${kind} is ${name}, which names nobody`,
});

/** A row of text. `isSuspect`: bytes around it were no text, or zeros. */
export function readRow(
  cells: readonly string[],
  columns: Columns,
  reading: Reading,
  isSuspect = false,
): Row | Problem {
  if (cells.length !== columns.width && !hasMore(cells, columns.width))
    return { kind: "columns", problem: `${cells.length} columns where the header has ${columns.width}` };
  const names = namesOf(cells, columns, reading, isSuspect);
  if ("problem" in names) return names;
  const [user, item] = names;

  const time = columns.timestamp === null ? null : timeOf(cells[columns.timestamp]!, reading.unit);
  if (Number.isNaN(time)) return { kind: "time", problem: noTime(quoted(cells[columns.timestamp!]!)) };
  const text = columns.value === null ? "" : cells[columns.value]!;
  const value = text === "" ? null : weightOf(text, reading.decimal);
  if (Number.isNaN(value)) {
    const why = isDoubtful(text) ? "may be a thousand or a fraction (--decimal . or , says which)" : "is no number";
    return { kind: "value", problem: `the value ${quoted(text)} ${why}` };
  }
  return rowOf(user, item, time, value);
}

/** A delimiter too many at the end. */
const hasMore = (cells: readonly string[], width: number) =>
  cells.length > width && cells.slice(width).every((cell) => cell === "");

function namesOf(
  cells: readonly string[],
  columns: Columns,
  { integers }: Reading,
  isSuspect: boolean,
): readonly [string, string] | Problem {
  const [userCell, itemCell] = [cells[columns.user]!, cells[columns.item]!];
  const unreadable = isSuspect ? (unreadableIn("user", userCell) ?? unreadableIn("item", itemCell)) : undefined;
  if (unreadable) return unreadable;
  const user = nameIn("user", userCell, integers.user);
  if (typeof user !== "string") return user;
  const item = nameIn("item", itemCell, integers.item);
  return typeof item === "string" ? [user, item] : item;
}

function unreadableIn(kind: "user" | "item", cell: string): Problem | undefined {
  if (cell.includes("\ufffd"))
    return {
      kind: "encoding",
      problem: `the ${kind} ${quoted(cell)} holds bytes of another encoding (--encoding windows-1252, or another)`,
    };
  return cell.includes("\0") ? { kind, problem: `the ${kind} ${quoted(cell)} holds a zero byte` } : undefined;
}

function nameIn(kind: "user" | "item", cell: string, isWhole: boolean): string | Problem {
  if (!isWhole || cell.length <= 2 || !scientific.test(cell)) return cell;
  return digitsOf(cell) ?? { kind, problem: `the ${kind} ${cell} has lost digits: write it as text` };
}

const scientific = /^\d+([.,]\d+)?[eE]\+?\d+$/;
/** More figures than these before the exponent are what a spreadsheet has left of a longer number. */
const FIGURES = 4;

/** 1e+05, as R writes it, is 100000. Undefined where figures are missing. */
function digitsOf(text: string): string | undefined {
  const [, head, tail = "", exponent] = /^(\d+)(?:[.,](\d+))?[eE]\+?(\d+)$/.exec(text)!;
  const zeros = Number(exponent) - tail.length;
  if (zeros < 0 || zeros > 300 || (zeros > 0 && head!.length + tail.length > FIGURES)) return undefined;
  return `${head}${tail}${"0".repeat(zeros)}`.replace(/^0+(?=\d)/, "");
}

/** Whether a column holds whole numbers, but for some in scientific notation. */
export function holdsWhole(cells: Iterable<string>): boolean {
  let plain = 0;
  for (const cell of cells) {
    if (/^\d+$/.test(cell)) plain++;
    else if (!scientific.test(cell) && !isNothing(cell)) return false;
  }
  return plain > 0;
}

/** Whole ms; null where there is none, NaN where it cannot be read. */
export function timeOf(cell: string, unit: TimeUnit): number | null {
  const number = numberOf(cell, null);
  if (!Number.isNaN(number)) return inMs(number, unit);
  return isNothing(cell) ? null : (instantOf(cell)?.ms ?? Number.NaN);
}

const quoted = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
