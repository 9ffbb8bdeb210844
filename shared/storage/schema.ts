// Columns of a table, once: as a record of typed values in memory and as Delta's schemaString in the log.
import type { Text } from "../events/text.ts";

/**
 * What holds the values of one column in memory; row k is element k. Timestamps are ms since 1970; longs are exact up
 * to 2^53.
 */
export interface ColumnTypes {
  string: Text;
  timestamp: Float64Array;
  /** NaN where null. */
  double: Float64Array;
  integer: Int32Array;
  long: Float64Array;
  binary: (Uint8Array | null)[];
}

export type ColumnType = keyof ColumnTypes;

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** What it holds, for docs/reference/table.md. */
  readonly about?: string;
  /** Tables and files of before lack it; text that is missing is read as "". */
  readonly isLater?: true;
}

/** `double`, `binary` and what came later may be null, the others may not. */
export type TableSchema = readonly Column[];

export type Values = ColumnTypes[ColumnType];
export type Columns = Readonly<Record<string, Values>>;

export const isNullable = ({ type, isLater }: Column): boolean => type === "double" || type === "binary" || !!isLater;

/** Delta's own JSON of the schema; its type names are ours. */
export function schemaString(schema: TableSchema): string {
  return JSON.stringify({
    type: "struct",
    fields: schema.map(fieldOf),
  });
}

const fieldOf = (column: Column) => ({
  name: column.name,
  type: column.type,
  nullable: isNullable(column),
  metadata: {},
});

/** The table's own schemaString with the columns that came later behind it; undefined where it has them. */
export function widened(schema: TableSchema, found: string): string | undefined {
  const { fields, ...more } = JSON.parse(found) as { fields: { name: string }[] };
  const later = schema.filter(({ name, isLater }) => isLater && !fields.some((field) => field.name === name));
  return later.length === 0 ? undefined : JSON.stringify({ ...more, fields: [...fields, ...later.map(fieldOf)] });
}

/** The columns that `schema` wants and the table's schemaString lacks or types otherwise; empty when it can be read. */
export function missingColumns(schema: TableSchema, found: string): string[] {
  const { fields } = JSON.parse(found) as { fields: { name: string; type: unknown }[] };
  return schema
    .filter(({ isLater }) => !isLater)
    .filter(({ name, type }) => !fields.some((field) => field.name === name && field.type === type))
    .map(({ name, type }) => `${name} ${type}`);
}
