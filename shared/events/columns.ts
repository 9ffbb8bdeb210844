// Which column of a file is the user, the item, the time and the value, by its names and by what the user says. Used by
// replay and split.
import { AppError } from "../errors/errors.ts";

/** Indexes into a row. */
export interface Columns {
  readonly width: number;
  readonly user: number;
  readonly item: number;
  /** Without one, events carry no time and Kafka's own counts. */
  readonly timestamp: number | null;
  readonly value: number | null;
  /** What the name of the column says of the unit of its times. */
  readonly unit: "s" | "ms" | "us" | "ns" | null;
}

/** The second list counts where no column has a name of the first. */
const aliases = {
  user: [
    ["user", "userid", "user_id", "uid", "customer_id", "visitorid"],
    ["customer", "customerid", "visitor_id", "reviewerid", "reviewer_id", "member_id", "username", "user_name"],
  ],
  item: [
    ["item", "itemid", "item_id", "iid", "sid", "movieid", "movie_id", "article", "article_id", "product_id"],
    [
      "movie",
      "product",
      "productid",
      "articleid",
      "business_id",
      "parent_asin",
      "asin",
      "isbn",
      "song_id",
      "track_id",
      "book_id",
      "artist_id",
    ],
  ],
  timestamp: [
    ["timestamp", "time_stamp", "timestamp_ms", "timestamp_s", "time", "time_ms", "ts", "unix_timestamp"],
    [
      "timestamp_us",
      "timestamp_ns",
      "time_s",
      "time_us",
      "time_ns",
      "ts_ms",
      "event_time",
      "unixreviewtime",
      "unix_review_time",
      "datetime",
      "date",
      "created_at",
      "t_dat",
    ],
  ],
  value: [
    ["value", "rating", "score", "weight"],
    ["ratings", "stars", "overall", "book_rating", "play_count", "plays"],
  ],
} as const;
type Role = keyof typeof aliases;
const roles = Object.keys(aliases) as Role[];
/** What the user says of the columns. */
export type ColumnMap = Partial<Record<Role, string>>;

/** `user=userId,item=movieId` to a record. Throws USAGE. */
export function parseMap(text: string): ColumnMap {
  const map: ColumnMap = {};
  for (const pair of text.split(",").filter((each) => each !== "")) {
    const [role, name, ...more] = pair.split("=").map((part) => part.trim());
    if (!roles.includes(role as Role) || !name || more.length > 0) {
      throw new AppError("USAGE", { what: `--map "${pair}": give role=column, the roles are ${roles.join(", ")}` });
    }
    if (map[role as Role] !== undefined) throw new AppError("USAGE", { what: `--map names the ${role} twice` });
    map[role as Role] = name;
  }
  const names = Object.values(map);
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (twice !== undefined) throw new AppError("USAGE", { what: `--map gives the column "${twice}" two roles` });
  return map;
}

/**
 * Throws `code`, naming the columns that exist. `map` wins over the known names; what it leaves out is guessed.
 * `doubt`: what else may be wrong where a column is missing.
 */
export function chooseColumns(
  header: readonly string[],
  map: ColumnMap,
  code: "CSV_MALFORMED" | "PARQUET_MALFORMED" = "CSV_MALFORMED",
  doubt = "",
): Columns {
  const shown = header.length > 30 ? `${header.slice(0, 30).join(",")},... (${header.length})` : header.join(",");
  const refused = (what: string) => new AppError(code, { what: `${what}${doubt}`, columns: shown.slice(0, 500) });
  const spoken = Object.values(map);
  const find = (role: Role): number | null => {
    const at = map[role] === undefined ? guess(header, role, spoken) : header.indexOf(map[role]);
    if (at < 0 && map[role] !== undefined) throw refused(`no column "${map[role]}" for the ${role}`);
    if (
      at >= 0 &&
      header.filter((name) => spelled(name) === spelled(header[at]!)).length > 1 &&
      (map[role] === undefined || header.lastIndexOf(map[role]) !== at)
    )
      throw refused(`the column "${header[at]}" for the ${role} stands twice`);
    return at < 0 ? null : at;
  };
  const [user, item, timestamp, value] = roles.map(find) as [
    number | null,
    number | null,
    number | null,
    number | null,
  ];
  if (user === null) throw refused("no column for the user");
  if (item === null) throw refused("no column for the item");
  const unit = timestamp === null ? null : (/_(s|ms|us|ns)$/.exec(spelled(header[timestamp]!))?.[1] ?? null);
  return { width: header.length, user, item, timestamp, value, unit: unit as Columns["unit"] };
}

/** Whether these cells name columns that we know as user and item. */
export const hasUserAndItem = (cells: readonly string[]): boolean =>
  guess(cells, "user", []) >= 0 && guess(cells, "item", []) >= 0;

/**
 * Which column of a file of items is the item: one of our names for it, else "id" or the first that ends so, else the
 * first.
 */
export function itemColumn(header: readonly string[]): number {
  const known = guess(header, "item", []);
  if (known >= 0) return known;
  const plain = header.findIndex((name) => spelled(name) === "id");
  return plain >= 0
    ? plain
    : Math.max(
        0,
        header.findIndex((name) => /(^|_)id$/.test(spelled(name))),
      );
}

/** Whether a column of this name would be the time or the value of a header that has none. */
export const isMissing = (header: readonly string[], name: string): boolean =>
  (["timestamp", "value"] as const).some((role) => guess([name], role, []) >= 0 && guess(header, role, []) < 0);

/** -1 where there is none. A column that the user gave another role is none. */
function guess(header: readonly string[], role: Role, spoken: readonly string[]): number {
  for (const list of aliases[role] as readonly (readonly string[])[]) {
    const at = header.findIndex(
      (name) => (list.includes(spelled(name)) || list.includes(spelled(name.toLowerCase()))) && !spoken.includes(name),
    );
    if (at >= 0) return at;
  }
  return -1;
}

/** "User-ID", "eventTime", and RecBole's "user_id:token". */
const spelled = (name: string): string =>
  name
    .trim()
    .replace(/([a-z\d])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/:(token|float)(_seq)?$/, "")
    .replace(/[\s-]+/g, "_");

export interface Row {
  readonly user: string;
  readonly item: string;
  /** ms since 1970; null: whenever it is sent. */
  readonly timestamp: number | null;
  readonly value: number | null;
}

/** Why a row is no event: in a word, which is counted, and in words. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly problem: string;
}

export type ProblemKind = "user" | "item" | "time" | "value" | "columns" | "quotes" | "encoding" | "JSON";
