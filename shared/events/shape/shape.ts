// What a user says of the events in a topic: from where in a message each of an event's four fields comes, and which
// messages count. Pure; mapped.ts reads messages by it.
import { type TimeUnit, timeUnits } from "../times.ts";
import { type Cursor, cursorOf, isAtEnd, match, number, quoted, refuse, skipBlanks, takes } from "./cursor.ts";
import { EACH, type Path, parsePath } from "./path.ts";
import { parseWhere, pathsOf, type Test } from "./where.ts";

export type Source = { readonly path: Path } | { readonly constant: string | number };
export const roles = ["user", "item", "timestamp", "value"] as const;
export type Role = (typeof roles)[number];

/** Known envelopes: what `$` is in one stands in mapped.ts. */
const presets = ["debezium", "cloudevents"] as const;
export type Preset = (typeof presets)[number];

/** As it was said: how it is kept, and told to others. */
export interface ShapeText {
  readonly map: string;
  readonly where: string;
  /** Of the schemas that values are written by. */
  readonly registry?: string | undefined;
}

export interface Shape {
  readonly preset: Preset | null;
  readonly user: Source;
  readonly item: Source;
  /** Null: Kafka's own. */
  readonly timestamp: Source | null;
  readonly value: Source | null;
  /** Of times that are numbers; null: by their size. */
  readonly unit: TimeUnit | null;
  readonly where: Test | null;
}

/** Of a preset's row or data, unless the map says otherwise: the fields that events of ours have. */
const usual: Readonly<Record<Preset, string>> = {
  debezium: "user=$.user,item=$.item,timestamp=$.timestamp,value=$.value",
  cloudevents: "user=$.user,item=$.item,timestamp=$envelope.time,value=$.value",
};
/** Events as they are without a map. */
export const PLAIN = "user=$.user,item=$.item,timestamp=$.timestamp,value=$.value";

interface Said extends Partial<Record<Role, Source>> {
  preset?: Preset;
  unit?: TimeUnit;
}

/**
 * No map is events of ours, whose times in JSON are milliseconds. `what` names the texts in messages. Throws
 * MAP_MALFORMED.
 */
export function parseShape(text: ShapeText, what = { map: "--map", where: "--where" }): Shape {
  const usualMap = text.registry === undefined ? `${PLAIN},unit=ms` : PLAIN;
  const cursor = cursorOf(text.map.trim() === "" ? usualMap : text.map, what.map);
  const said = parseMap(cursor);
  const { preset = null, unit = null, ...fields } = said;
  const { user, item, timestamp, value } = {
    ...(preset === null ? {} : parseMap(cursorOf(usual[preset], preset))),
    ...fields,
  };
  if (!user || !item) refuse(cursor, `it names no ${user ? "item" : "user"}: user=$.a,item=$.b are needed`);
  const where = text.where.trim() === "" ? null : parseWhere(text.where, what.where);
  const shape = { preset, user, item, timestamp: timestamp ?? null, value: value ?? null, unit, where };
  refuseLists(shape, cursor, cursorOf(text.where, what.where));
  return shape;
}

function parseMap(cursor: Cursor): Said {
  const said: Said = {};
  do {
    skipBlanks(cursor);
    const from = cursor.at;
    const word = match(cursor, /[\w-]+/y) ?? refuse(cursor, `${roles.join("=, ")}= or a preset comes here`);
    skipBlanks(cursor);
    if (!takes(cursor, "=")) {
      const preset = presets.find((each) => each === word);
      if (!preset) refuse(cursor, `no preset: ${presets.join(" and ")} are; a field is written user=$.a`, from);
      if (said.preset) refuse(cursor, "a second preset", from);
      said.preset = preset;
    } else if (word === "unit") {
      const unit = match(cursor, /[a-z]+/y);
      said.unit = timeUnits.find((each) => each === unit) ?? refuse(cursor, `a unit is ${timeUnits.join(", ")}`, from);
    } else {
      const role = roles.find((each) => each === word);
      if (!role) refuse(cursor, `no field of an event: ${roles.join(", ")} are, and unit`, from);
      if (said[role]) refuse(cursor, `a second ${role}`, from);
      said[role] = sourceAt(cursor, role);
    }
    skipBlanks(cursor);
  } while (takes(cursor, ","));
  if (!isAtEnd(cursor)) refuse(cursor, "a comma or the end comes here");
  return said;
}

function sourceAt(cursor: Cursor, role: Role): Source {
  skipBlanks(cursor);
  const from = cursor.at;
  const character = cursor.text[from] ?? "";
  if (character === "$") {
    const path = parsePath(cursor);
    if (path.root === "timestamp" && role !== "timestamp") refuse(cursor, "Kafka's own time is no name", from);
    return { path };
  }
  const constant = character === "'" || character === '"' ? quoted(cursor) : number(cursor);
  return constant === undefined
    ? refuse(cursor, "a path ($.a), a number or a text in quotes comes here")
    : { constant };
}

/** The lists of a path, outermost first, each with its own steps. */
const listsOf = ({ steps }: Path): string[] =>
  steps.flatMap((step, k) => (step === EACH ? [JSON.stringify(steps.slice(0, k).map(shown))] : []));
const shown = (step: Path["steps"][number]) => (step === EACH ? null : step);

/** Of the fields' paths, the one through most lists; undefined where each message is one row. */
export function deepest(shape: Shape): Path | undefined {
  const paths = roles.flatMap((role) => {
    const source = shape[role];
    return source && "path" in source && source.path.steps.includes(EACH) ? [source.path] : [];
  });
  return paths.toSorted((a, b) => listsOf(b).length - listsOf(a).length)[0];
}

/** Rows go through one list, or lists within it: of two beside each other nobody could say which belong together. */
function refuseLists(shape: Shape, map: Cursor, where: Cursor): void {
  const most = deepest(shape);
  const lists = most ? listsOf(most) : [];
  const strays = (path: Path) => listsOf(path).some((list, k) => list !== lists[k]);
  for (const role of roles) {
    const source = shape[role];
    if (source && "path" in source && strays(source.path))
      refuse(map, `${source.path.text} and ${most!.text} go through lists beside each other`, 0);
  }
  const stray = shape.where ? pathsOf(shape.where).find(strays) : undefined;
  if (stray) refuse(where, `${stray.text} goes through a list that the map makes no rows of`, 0);
}
