// Which column of a file is the user, the item, the time and the value, in what unit the time is, and what makes a row an event. Used by replay and split.
import { AppError } from "../runtime/errors.ts";
import { isTimestamp } from "./event.ts";

export type Unit = "s" | "ms";

/** Indexes into a row. */
export interface Columns {
  readonly width: number;
  readonly user: number;
  readonly item: number;
  /** Without one, events carry no time and Kafka's own counts. */
  readonly timestamp: number | null;
  readonly value: number | null;
  /** Null: by magnitude, from the first row. */
  readonly unit: Unit | null;
}

const aliases = {
  user: ["user", "userid", "user_id", "uid", "customer_id", "visitorid"],
  item: ["item", "itemid", "item_id", "iid", "sid", "movieid", "movie_id", "article", "article_id", "product_id"],
  timestamp: ["timestamp", "timestamp_ms", "timestamp_s", "time", "time_ms", "ts", "unix_timestamp"],
  value: ["value", "rating", "score", "weight"],
} as const;
type Role = keyof typeof aliases;
const roles = Object.keys(aliases) as Role[];
/** What the user says of the columns. */
export type ColumnMap = Partial<Record<Role, string>>;

/** `user=userId,item=movieId` to a record. Throws USAGE. */
export function parseMap(text: string): ColumnMap {
  const map: ColumnMap = {};
  for (const pair of text.split(",").filter((each) => each !== "")) {
    const [role, name, ...more] = pair.split("=");
    if (!roles.includes(role as Role) || !name || more.length > 0) {
      throw new AppError("USAGE", { what: `--map "${pair}": give role=column, the roles are ${roles.join(", ")}` });
    }
    map[role as Role] = name.trim();
  }
  return map;
}

/** Throws `code`, naming the columns that exist. `map` wins over the known names; what it leaves out is guessed. */
export function chooseColumns(
  header: readonly string[],
  map: ColumnMap,
  unit: Unit | null,
  code: "CSV_MALFORMED" | "PARQUET_MALFORMED" = "CSV_MALFORMED",
): Columns {
  const missing = (role: Role) => new AppError(code, { what: `no column for the ${role}`, columns: header.join(",") });
  const find = (role: Role): number | null => {
    const named = map[role];
    if (named !== undefined) {
      const at = header.indexOf(named);
      if (at < 0) throw new AppError(code, { what: `no column "${named}" for the ${role}`, columns: header.join(",") });
      return at;
    }
    const known: readonly string[] = aliases[role];
    const at = header.findIndex((name) => known.includes(name.trim().toLowerCase()));
    return at < 0 ? null : at;
  };
  const [user, item, timestamp, value] = roles.map(find) as [number | null, number | null, number | null, number | null];
  if (user === null) throw missing("user");
  if (item === null) throw missing("item");
  const named = timestamp === null ? "" : header[timestamp]!.trim().toLowerCase();
  const byName = named.endsWith("_ms") ? "ms" : named.endsWith("_s") ? "s" : null;
  return { width: header.length, user, item, timestamp, value, unit: unit ?? byName };
}

/** Seconds until the year 5138, milliseconds from 1973 on. */
export const unitOf = (time: number): Unit => (Math.abs(time) < 1e11 ? "s" : "ms");

export interface Row {
  readonly user: string;
  readonly item: string;
  /** ms since 1970; null: whenever it is sent. */
  readonly timestamp: number | null;
  readonly value: number | null;
}

export interface Problem {
  readonly problem: string;
}

/** An event, or what is wrong with it. `time` is in `unit`; null: whenever it is sent. */
export function rowOf(user: string, item: string, time: number | null, value: number | null, unit: Unit): Row | Problem {
  if (user === "") return { problem: "the user is empty" };
  if (item === "") return { problem: "the item is empty" };
  const timestamp = time === null || unit === "ms" ? time : Math.round(time * 1000);
  if (timestamp !== null && !isTimestamp(timestamp)) return { problem: `the time ${time} cannot be read` };
  if (value !== null && !Number.isFinite(value)) return { problem: `the value ${value} is no number` };
  return { user, item, timestamp, value };
}

/** A row of text. A column for the time is there to be filled. */
export function readRow(fields: readonly string[], columns: Columns, unit: Unit): Row | Problem {
  if (fields.length !== columns.width) return { problem: `${fields.length} columns where the header has ${columns.width}` };
  const time = columns.timestamp === null ? null : numberOf(fields[columns.timestamp]!);
  if (Number.isNaN(time)) return { problem: `the time "${fields[columns.timestamp!]}" cannot be read` };
  const text = columns.value === null ? "" : fields[columns.value]!;
  const value = text === "" ? null : numberOf(text);
  if (Number.isNaN(value)) return { problem: `the value "${text}" is no number` };
  return rowOf(fields[columns.user]!, fields[columns.item]!, time, value, unit);
}

const numberOf = (text: string) => (text.trim() === "" ? Number.NaN : Number(text));
