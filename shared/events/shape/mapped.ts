// Messages to rows by a map. One message is rows, is left out, or is refused whole: an offset has one fate, so that of
// several rows one that is bad takes the others with it. Pure.
import { type DeadReason, deadReasons, type Interaction, isTimestamp, nameOf, namesUser, utf8Of } from "../event.ts";
import { isTold, parseMessage } from "../message.ts";
import { type Question, questionOf } from "./asking.ts";
import { BROKEN, fromJson } from "./from-json.ts";
import { msOf } from "./instants.ts";
import type { Path } from "./path.ts";
import { type Beside, type Finder, type Finders, type Frame, type Message, openFinders } from "./places.ts";
import { deepest, type Role, type Shape, type Source } from "./shape.ts";
import { addPath, type Found, follow, MOST_ELEMENTS, TOO_MANY, type Want } from "./want.ts";

export interface Refusal {
  readonly type: "refused";
  readonly reason: DeadReason;
  /** With the path, for people. */
  readonly detail: string;
}
export type Outcome =
  | { readonly type: "rows"; readonly rows: readonly Interaction[] }
  /** No dead letter: it was not asked for. */
  | { readonly type: "left-out" }
  | Refusal;

/** From the value's bytes to what is wanted of them. */
export type Decode = (value: Uint8Array, want: Want) => Found | typeof TOO_MANY | Refusal;

export interface MessageReader {
  /** What a message must bring beside its value. */
  readonly beside: readonly Beside[];
  /** Never throws; time and memory are bounded by the message's own length. */
  read(message: Message): Outcome;
  /** Whether one of its rows, complete or not, would be of this user; undefined where it cannot be read. */
  names(message: Message, user: string): boolean | undefined;
}

const leftOut: Outcome = { type: "left-out" };
export const refusal = (reason: DeadReason, detail: string = deadReasons[reason]): Refusal => ({
  type: "refused",
  reason,
  detail,
});

/** JSON, which is what values are unless a schema registry says otherwise. */
const decodeJson: Decode = (value, want) => {
  if (utf8Of(value) === undefined) return refusal("NOT_UTF8");
  const found = fromJson(value, want);
  return found === BROKEN ? refusal("NOT_JSON") : found;
};

/** Fields of a row, in lists of a message. */
interface Plan {
  readonly want: Want;
  readonly usesValue: boolean;
  /** Asked once a message, and once a row. */
  readonly ofMessage: Question | null;
  readonly ofRow: Question | null;
  readonly lists: readonly (readonly number[])[];
  readonly fields: Readonly<Record<Role, Field | null>>;
}
interface Field extends Finder {
  readonly source: Source;
}

export function readerOf(shape: Shape, decode: Decode = decodeJson): MessageReader {
  const beside: Beside[] = [];
  switch (shape.preset) {
    case "debezium": {
      const finders = openFinders(beside, ({ root, steps }) =>
        root === "value" ? { root, steps: ["after", ...steps] } : { root, steps },
      );
      const op = addPath(finders.want, ["op"]);
      const plan = planOf(shape, finders);
      const { want } = plan;
      const payload = { name: "payload", bytes: new TextEncoder().encode("payload"), at: want.size, want };
      const either = { ...want, fields: [...want.fields, payload], size: want.size + 1 };
      const change = readerOfPlan({ ...plan, want: either }, decode, (found) => openChange(found, payload.at, op));
      // nothing is the tombstone of a row that was deleted
      return { ...change, beside, read: (message) => (message.value === null ? leftOut : change.read(message)) };
    }
    case "cloudevents": {
      const version = openFinders(beside, (path) => path).finderOf(header("ce_specversion"));
      const structured = openFinders(beside, ({ root, steps }) =>
        root === "value" ? { root, steps: ["data", ...steps] } : { root, steps },
      );
      const specversion = addPath(structured.want, ["specversion"]);
      const inValue = readerOfPlan(planOf(shape, structured), decode, (found) =>
        follow(found, specversion) === undefined
          ? refusal(
              "ENVELOPE_INVALID",
              "no CloudEvent: no specversion, neither in the value nor as header ce_specversion",
            )
          : found,
      );
      const placed = (path: Path) => (path.root === "envelope" ? header(`ce_${String(path.steps[0])}`) : path);
      const inHeaders = readerOfPlan(planOf(shape, openFinders(beside, placed)), decode);
      const readerFor = (message: Message) =>
        version.find({ message, levels: [], indices: [] }) === undefined ? inValue : inHeaders;
      return {
        beside,
        read: (message) => readerFor(message).read(message),
        names: (message, user) => readerFor(message).names(message, user),
      };
    }
    case null: {
      const plain = planOf(
        shape,
        openFinders(beside, (path) => path),
      );
      return { ...readerOfPlan(plain, decode), beside };
    }
  }
}

/** Events of our own shape. */
export const plainReader: MessageReader = {
  beside: [],
  read: ({ value, own }) => {
    const parsed = parseMessage(value, own);
    return parsed.ok ? { type: "rows", rows: [parsed.event] } : refusal(parsed.reason);
  },
  names: ({ value }, user) => (value === null ? false : namesUser(value, user)),
};

const header = (name: string): Pick<Path, "root" | "steps"> & { text: string } => ({
  root: "headers",
  steps: [name],
  text: `$headers.${name}`,
});

function planOf(shape: Shape, finders: Finders): Plan {
  const field = (source: Source | null): Field | null => {
    if (!source) return null;
    const constant = "path" in source ? null : source.constant;
    return { source, ...("path" in source ? finders.finderOf(source.path) : { level: 0, find: () => constant }) };
  };
  const fields = {
    user: field(shape.user),
    item: field(shape.item),
    timestamp: field(shape.timestamp),
    value: field(shape.value),
  };
  const question = shape.where && questionOf(shape.where, finders);
  const most = deepest(shape);
  return {
    want: finders.want,
    usesValue: finders.want.size > 0,
    ofMessage: question?.level === 0 ? question : null,
    ofRow: question && question.level > 0 ? question : null,
    lists: most ? finders.listsOf(most) : [],
    fields: {
      ...fields,
      timestamp: fields.timestamp && { ...fields.timestamp, find: inUnit(fields.timestamp, shape) },
    },
  };
}

/** NaN for what is no time; nothing stays nothing. */
function inUnit({ find }: Field, { unit }: Shape): Finder["find"] {
  return (frame) => {
    const found = find(frame);
    return found === undefined || found === null ? undefined : msOf(found, unit);
  };
}

/** Debezium's envelope, with the schema around it or without. What was deleted teaches nothing. */
function openChange(found: Found, payload: number, op: readonly number[]): Found | Outcome {
  const inside = follow(found, [payload]);
  const envelope = Array.isArray(inside) && follow(found, op) === undefined ? inside : found;
  const operation = follow(envelope, op);
  if (typeof operation === "string" && "cur".includes(operation) && operation.length === 1) return envelope;
  if (operation === "d" || operation === "t" || operation === "m") return leftOut;
  return refusal(
    "ENVELOPE_INVALID",
    "no change of Debezium's: no op that is known, neither at $.op nor at $.payload.op",
  );
}

/** `open`: from the whole value to what the paths begin at, or to what becomes of the message. */
type Open = (found: Found) => Found | Outcome;

/** The message with what its value holds, or what becomes of it. */
function frameOf(plan: Plan, decode: Decode, message: Message, open: Open): Frame | Outcome {
  if (!isTold(message.own)) return refusal("TIMESTAMP_INVALID", `Kafka's own time is ${message.own}`);
  const frame: Frame = { message, levels: [undefined], indices: [] };
  if (!plan.usesValue) return frame;
  if (message.value === null || message.value.length === 0) return refusal("EMPTY");
  const found = decode(message.value, plan.want);
  if (found === TOO_MANY) return refusal("TOO_MANY_ROWS");
  if (isOutcome(found)) return found;
  if (!Array.isArray(found)) return refusal("NOT_OBJECT");
  const opened = open(found);
  if (isOutcome(opened)) return opened;
  frame.levels[0] = opened;
  return frame;
}

const whole: Open = (found) => found;

function readerOfPlan(plan: Plan, decode: Decode, open: Open = whole): Omit<MessageReader, "beside"> {
  return {
    read: (message) => {
      const frame = frameOf(plan, decode, message, open);
      if ("type" in frame) return frame;
      if (plan.ofMessage && !plan.ofMessage.ask(frame)) return leftOut;
      const rows: Interaction[] = [];
      const refused = eachRow(plan, frame, 0, () => {
        if (plan.ofRow && !plan.ofRow.ask(frame)) return undefined;
        const row = rowOf(plan, frame);
        if ("type" in row) return row;
        rows.push(row);
        return rows.length > MOST_ELEMENTS ? refusal("TOO_MANY_ROWS") : undefined;
      });
      if (refused) return refused;
      return rows.length === 0 ? leftOut : { type: "rows", rows };
    },
    names: (message, user) => {
      const frame = frameOf(plan, decode, message, open);
      if ("type" in frame) return frame.type === "refused" && message.value !== null ? undefined : false;
      let [isNamed, isUnknown] = [false, false];
      eachRow(plan, frame, 0, () => {
        const found = plan.fields.user!.find(frame);
        isNamed ||= nameOf(found) === user;
        isUnknown ||= isBeside(plan.fields.user!) && (found ?? null) === null;
        return undefined;
      });
      return isNamed || (isUnknown ? undefined : false);
    },
  };
}

/** It comes from the key or a header, which not everybody has who reads a message again. */
const isBeside = ({ source }: Field): boolean =>
  "path" in source && (source.path.root === "key" || source.path.root === "headers");

function isOutcome(found: Found | Outcome): found is Outcome {
  return typeof found === "object" && found !== null && !Array.isArray(found);
}

/** Each row below an element, until one is refused or has no list to be in. */
function eachRow(plan: Plan, frame: Frame, level: number, visit: () => Refusal | undefined): Refusal | undefined {
  const list = plan.lists[level];
  if (!list) return visit();
  const elements = follow(frame.levels[level], list);
  if (!Array.isArray(elements)) return noList(plan, frame, level);
  for (const [index, element] of elements.entries()) {
    frame.levels[level + 1] = element;
    frame.indices[level] = index;
    const refused = eachRow(plan, frame, level + 1, visit);
    if (refused) return refused;
  }
  return undefined;
}

function rowOf({ fields }: Plan, frame: Frame): Interaction | Refusal {
  const user = fields.user!.find(frame);
  if (user === undefined || user === null) return refused("USER_MISSING", fields.user!, frame);
  const userName = nameOf(user);
  if (userName === undefined) return refused("USER_INVALID", fields.user!, frame);
  const item = fields.item!.find(frame);
  if (item === undefined || item === null) return refused("ITEM_MISSING", fields.item!, frame);
  const itemName = nameOf(item);
  if (itemName === undefined) return refused("ITEM_INVALID", fields.item!, frame);
  const timestamp = fields.timestamp?.find(frame) ?? frame.message.own;
  if (!isTimestamp(timestamp)) return refused("TIMESTAMP_INVALID", fields.timestamp, frame);
  const value = fields.value?.find(frame) ?? null;
  const weight = typeof value === "bigint" ? Number(value) : value;
  if (weight !== null && !(typeof weight === "number" && Number.isFinite(weight)))
    return refused("VALUE_INVALID", fields.value, frame);
  return { user: userName, item: itemName, timestamp, value: weight };
}

function refused(reason: DeadReason, field: Field | null, { indices }: Frame): Refusal {
  const where = field && ("path" in field.source ? placed(field.source.path, indices) : "the constant of --map");
  const isMissing = reason === "USER_MISSING" || reason === "ITEM_MISSING";
  if (!where) return refusal(reason, `${deadReasons[reason]}: neither the map nor Kafka gives one`);
  return refusal(
    reason,
    isMissing ? `${deadReasons[reason]}: nothing at ${where}` : `${deadReasons[reason]}: ${where}`,
  );
}

function noList({ fields }: Plan, { indices }: Frame, level: number): Refusal {
  const field = [fields.item, fields.user, fields.timestamp, fields.value].find((each) => each && each.level > level)!;
  const { path } = field.source as { path: Path };
  const where = placed(path, indices.slice(0, level)).replace(/(\[\*\]|\.\*).*$/s, "");
  return refusal("LIST_MISSING", `${deadReasons.LIST_MISSING}: ${where}`);
}

/** The path with the numbers of the elements. */
function placed({ text }: Path, indices: readonly number[]): string {
  let k = 0;
  return text.replace(/\[\*\]|\.\*/g, (each) => (k < indices.length ? `[${indices[k++]}]` : each));
}
