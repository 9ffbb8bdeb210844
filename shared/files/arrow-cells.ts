// Cells of Arrow columns as what an event is made of: names, times, numbers; null where a cell is empty. Pure.
import { DataType, DateUnit, type Decimal, type Field, TimeUnit, type Vector } from "apache-arrow";
import { AppError } from "../errors/errors.ts";
import type { Columns } from "../events/columns.ts";

type Cells<T> = (k: number) => T | null;

const DAY_MS = 24 * 3600_000;
const ticksPerMs = {
  [TimeUnit.SECOND]: 1e-3,
  [TimeUnit.MILLISECOND]: 1,
  [TimeUnit.MICROSECOND]: 1e3,
  [TimeUnit.NANOSECOND]: 1e6,
};

/** Throws PARQUET_MALFORMED, naming the column. */
export function checkTypes(fields: readonly Field[], { user, item, timestamp, value }: Columns): void {
  const check = (at: number | null, fits: (type: DataType) => boolean, wanted: string) => {
    const field = at === null ? undefined : fields[at]!;
    if (field && !fits(field.type))
      throw new AppError("PARQUET_MALFORMED", {
        what: `the column "${field.name}" is ${field.type}, not ${wanted}: cast it where the file is written`,
      });
  };
  check(user, isName, "text or whole numbers");
  check(item, isName, "text or whole numbers");
  check(timestamp, (type) => isClock(type) || isFigure(type), "a time or numbers");
  check(value, (type) => isFigure(type) || DataType.isBool(type), "numbers");
}

/** Numbers, numbers as text, or nothing at all. */
function isFigure(type: DataType): boolean {
  const plain = plainOf(type);
  return isNumber(plain) || isText(plain) || DataType.isNull(plain);
}

const plainOf = (type: DataType): DataType => (DataType.isDictionary(type) ? type.dictionary : type);
const isText = (type: DataType) => DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);

/** Of a type that says what its numbers mean. */
export const isClock = (type: DataType) => DataType.isTimestamp(type) || DataType.isDate(type);

const isNumber = (type: DataType): boolean =>
  DataType.isInt(type) || DataType.isFloat(type) || DataType.isDecimal(type);
const isBytes = (type: DataType) =>
  DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type);

function isName(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isName(type.dictionary);
  return isText(type) || DataType.isInt(type) || DataType.isFloat(type) || DataType.isDecimal(type) || isBytes(type);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Whole numbers keep all their digits, those that pandas made floats of for want of one among them too; bytes are
 * UTF-8, and those of a UUID are one. NaN-like: undefined where a cell is no name.
 */
export function nameCells(vector: Vector): (k: number) => string | null | undefined {
  const type: DataType = DataType.isDictionary(vector.type) ? vector.type.dictionary : vector.type;
  const cells = DataType.isDictionary(vector.type) ? vector.memoize() : vector;
  const toName = DataType.isDecimal(type)
    ? (cell: Uint32Array) => integerIn(cell, type)
    : isBytes(type)
      ? textOf
      : DataType.isFloat(type)
        ? integerOf
        : String;
  return (k) => {
    const cell = cells.get(k);
    return cell === null ? null : (toName as (cell: unknown) => string | undefined)(cell);
  };
}

/** Truth is 1 and 0. Text stays text. */
export function numberCells(vector: Vector): Cells<number | string> {
  const type = plainOf(vector.type);
  const cells = DataType.isDictionary(vector.type) ? vector.memoize() : vector;
  const toNumber = DataType.isDecimal(type)
    ? (cell: Uint32Array) => Number(decimalOf(cell, type))
    : isText(type)
      ? String
      : Number;
  return (k) => {
    const cell = cells.get(k);
    return cell === null ? null : (toNumber as (cell: unknown) => number | string)(cell);
  };
}

/** Clocks in whole ms since 1970, whatever their zone; plain numbers and text as they are. */
export function timeCells(vector: Vector): Cells<number | string> {
  const { type } = vector;
  if (!isClock(type)) return numberCells(vector);
  const values: ArrayLike<number | bigint> = vector.data[0]!.values; // of one batch, so in one piece
  const ms = DataType.isTimestamp(type) ? 1 / ticksPerMs[type.unit] : type.unit === DateUnit.DAY ? DAY_MS : 1;
  return (k) => (vector.isValid(k) ? Math.round(Number(values[k]) * ms) : null);
}

/** Words of 32 bits, the lowest first, in two's complement, as a decimal number. */
function decimalOf(words: Uint32Array, { scale }: Decimal): string {
  const bits = 32 * words.length;
  const integer = BigInt.asIntN(
    bits,
    words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
  );
  if (scale <= 0) return `${integer}${"0".repeat(-scale)}`;
  const digits = (integer < 0n ? -integer : integer).toString().padStart(scale + 1, "0");
  return `${integer < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function integerIn(words: Uint32Array, type: Decimal): string | undefined {
  const [integer, fraction = ""] = decimalOf(words, type).split(".");
  return /^0*$/.test(fraction) ? integer : undefined;
}

const integerOf = (cell: number) => (Number.isSafeInteger(cell) ? String(cell) : undefined);

/** Sixteen bytes that are no text are a UUID. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes);
    if (![...text].some((letter) => letter < "\t")) return text;
  } catch {
    // no text
  }
  return bytes.length === 16
    ? Buffer.from(bytes)
        .toString("hex")
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
    : undefined;
}
