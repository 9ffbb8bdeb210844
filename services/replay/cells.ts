// Cells of Arrow columns as what an event is made of: names, times, numbers; null where a cell is empty. Pure.
import { DataType, DateUnit, type Field, TimeUnit, type Vector } from "apache-arrow";
import type { Columns } from "../../shared/events/columns.ts";
import { AppError } from "../../shared/runtime/errors.ts";

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
      throw new AppError("PARQUET_MALFORMED", { what: `the column "${field.name}" is ${field.type}, not ${wanted}` });
  };
  check(user, isName, "text or whole numbers");
  check(item, isName, "text or whole numbers");
  check(timestamp, (type) => isClock(type) || isNumber(type), "a time or numbers");
  check(value, isNumber, "numbers");
}

/** Of a type that says what its numbers mean. */
export const isClock = (type: DataType) => DataType.isTimestamp(type) || DataType.isDate(type);

const isNumber = (type: DataType) => DataType.isInt(type) || DataType.isFloat(type);

function isName(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isName(type.dictionary);
  return DataType.isInt(type) || DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);
}

/** Whole numbers keep all their digits. */
export function nameCells(vector: Vector): Cells<string> {
  const cells = DataType.isDictionary(vector.type) ? vector.memoize() : vector;
  return (k) => {
    const cell: string | number | bigint | null = cells.get(k);
    return cell === null ? null : String(cell);
  };
}

export function numberCells(vector: Vector): Cells<number> {
  return (k) => {
    const cell: number | bigint | null = vector.get(k);
    return cell === null ? null : Number(cell);
  };
}

/** Clocks in whole ms since 1970, whatever their zone; plain numbers as they are. */
export function timeCells(vector: Vector): Cells<number> {
  const { type } = vector;
  if (!isClock(type)) return numberCells(vector);
  const values: ArrayLike<number | bigint> = vector.data[0]!.values; // of one batch, so in one piece
  const ms = DataType.isTimestamp(type) ? 1 / ticksPerMs[type.unit] : type.unit === DateUnit.DAY ? DAY_MS : 1;
  return (k) => (vector.isValid(k) ? Math.round(Number(values[k]) * ms) : null);
}
