// Which column of a file is the user, the item, the time and the value, and in what unit the time is. Pure; file.ts reads the file. Used by replay and split.
import { isTimestamp } from "../events/event.ts";
import { AppError } from "../runtime/errors.ts";

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

/** `user=userId,item=movieId` to a record. Throws USAGE. */
export function parseMap(text: string): Partial<Record<Role, string>> {
  const map: Partial<Record<Role, string>> = {};
  for (const pair of text.split(",").filter((each) => each !== "")) {
    const [role, name, ...more] = pair.split("=");
    if (!roles.includes(role as Role) || !name || more.length > 0) {
      throw new AppError("USAGE", { what: `--map "${pair}": give role=column, the roles are ${roles.join(", ")}` });
    }
    map[role as Role] = name.trim();
  }
  return map;
}

/** Throws CSV_MALFORMED, naming the columns that exist. `map` wins over the known names; what it leaves out is guessed. */
export function chooseColumns(header: readonly string[], map: Partial<Record<Role, string>>, unit: Unit | null): Columns {
  const missing = (role: Role) => new AppError("CSV_MALFORMED", { what: `no column for the ${role}`, columns: header.join(",") });
  const find = (role: Role): number | null => {
    const named = map[role];
    if (named !== undefined) {
      const at = header.indexOf(named);
      if (at < 0) throw new AppError("CSV_MALFORMED", { what: `no column "${named}" for the ${role}`, columns: header.join(",") });
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

/** A row of the file to an event, or to what is wrong with it. */
export function readRow(fields: readonly string[], columns: Columns, unit: Unit): Row | { readonly problem: string } {
  if (fields.length !== columns.width) return { problem: `${fields.length} columns where the header has ${columns.width}` };
  const user = fields[columns.user]!;
  const item = fields[columns.item]!;
  if (user === "") return { problem: "the user is empty" };
  if (item === "") return { problem: "the item is empty" };
  const time = columns.timestamp === null ? null : numberOf(fields[columns.timestamp]!);
  const timestamp = time === null || unit === "ms" ? time : Math.round(time * 1000);
  if (timestamp !== null && !isTimestamp(timestamp)) return { problem: `the time "${fields[columns.timestamp!]}" cannot be read` };
  const text = columns.value === null ? "" : fields[columns.value]!;
  const value = text === "" ? null : numberOf(text);
  if (value !== null && !Number.isFinite(value)) return { problem: `the value "${text}" is no number` };
  return { user, item, timestamp, value };
}

const numberOf = (text: string) => (text.trim() === "" ? Number.NaN : Number(text));
