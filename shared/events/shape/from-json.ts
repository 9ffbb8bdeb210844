// What a map wants of JSON, straight from its bytes: what no path leads to is walked over and never made. On a
// Debezium message JSON.parse alone takes as long, and a library's paths as long again; on 10 MB of `{}` it takes a
// gigabyte. Pure.
import { endOfString, endOfValue, skipSpace } from "../json.ts";
import { type Found, MOST_DIGITS, MOST_ELEMENTS, type Places, TOO_MANY, UNFIT, type Want } from "./want.ts";

/** It is no JSON. */
export const BROKEN = Symbol("no JSON");

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];
const [COLON, COMMA] = [0x3a, 0x2c];

/** One walk at a time, so that what it goes by serves all. */
let bytes: Buffer = Buffer.alloc(0);
let at = 0;
let elements = 0;

/** The bytes are UTF-8. Of fields of one name the last counts, as in JSON.parse. */
export function fromJson(json: Uint8Array, want: Want): Found | typeof BROKEN | typeof TOO_MANY {
  bytes = Buffer.from(json.buffer, json.byteOffset, json.length);
  at = skipSpace(bytes, 0);
  elements = 0;
  const found = take(want);
  if (found === BROKEN || skipSpace(bytes, at) !== bytes.length) return BROKEN;
  return elements > MOST_ELEMENTS ? TOO_MANY : found;
}

/** The value that begins here; then it stands behind it. No deeper than the paths are long. */
function take(want: Want): Found | typeof BROKEN {
  const json = bytes;
  const start = at;
  const first = json[start];
  if (first === OPEN && want.fields.length > 0) return takeObject(want);
  if (first === OPEN_LIST && (want.each || want.elements.length > 0)) return takeList(want);
  at = first === QUOTE ? endOfString(json, start) : endOfValue(json, start);
  if (at < 0) return BROKEN;
  if (first === OPEN || first === OPEN_LIST) return UNFIT;
  return want.isAsked ? scalar(start, at) : UNFIT;
}

function takeObject({ fields, size }: Want): Found | typeof BROKEN {
  const json = bytes; // a name of the module is slow to look up at each byte
  const found: Places = new Array<Found>(size).fill(undefined);
  let here = skipSpace(json, at + 1);
  if (json[here] === CLOSE) {
    at = here + 1;
    return found;
  }
  for (;;) {
    const start = here;
    const end = endOfString(json, start);
    here = end < 0 ? -1 : skipSpace(json, end);
    if (json[here] !== COLON) return BROKEN;
    here = skipSpace(json, here + 1);
    const field = fieldNamed(fields, start + 1, end - 1);
    if (field) {
      at = here;
      const value = take(field.want);
      if (value === BROKEN) return BROKEN;
      found[field.at] = value;
      here = at;
    } else here = json[here] === QUOTE ? endOfString(json, here) : endOfValue(json, here);
    if (here < 0) return BROKEN;
    here = skipSpace(json, here);
    if (json[here] !== COMMA) break;
    here = skipSpace(json, here + 1);
  }
  if (json[here] !== CLOSE) return BROKEN;
  at = here + 1;
  return found;
}

function takeList({ elements: numbered, each, size }: Want): Found | typeof BROKEN {
  const found: Places = new Array<Found>(size).fill(undefined);
  const all: Places = [];
  if (each) found[each.at] = all;
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_LIST) {
    at++;
    return found;
  }
  for (let index = 0; ; index++) {
    const start = at;
    let end = -1;
    for (const element of numbered) {
      if (element.index !== index) continue;
      at = start;
      const value = take(element.want);
      if (value === BROKEN) return BROKEN;
      found[element.at] = value;
      end = at;
    }
    if (each && elements++ < MOST_ELEMENTS) {
      at = start;
      const value = take(each.want);
      if (value === BROKEN) return BROKEN;
      all.push(value);
      end = at;
    }
    at = end < 0 ? endOfValue(bytes, start) : end;
    if (at < 0) return BROKEN;
    at = skipSpace(bytes, at);
    if (bytes[at] === CLOSE_LIST) {
      at++;
      return found;
    }
    if (bytes[at] !== COMMA) return BROKEN;
    at = skipSpace(bytes, at + 1);
  }
}

/** Of the name from `start` to before `end`, without its quotes. */
function fieldNamed(fields: Want["fields"], start: number, end: number): Want["fields"][number] | undefined {
  const json = bytes;
  const length = end - start;
  next: for (let k = 0; k < fields.length; k++) {
    const name = fields[k]!.bytes;
    if (name.length !== length) continue;
    for (let j = 0; j < length; j++) if (name[j] !== json[start + j]) continue next;
    return fields[k];
  }
  for (let k = start; k < end; k++)
    if (json[k] === BACKSLASH) {
      const name = textAt(start - 1, end + 1);
      return fields.find((field) => field.name === name);
    }
  return undefined;
}

/** The string of which the quotes stand at `start` and before `end`. */
function textAt(start: number, end: number): string {
  const json = bytes;
  let all = 0;
  for (let k = start + 1; k < end; k++) {
    if (json[k] === BACKSLASH) return JSON.parse(json.toString("utf8", start, end)) as string;
    all |= json[k]!;
  }
  return json.toString(all < 0x80 ? "latin1" : "utf8", start + 1, end - 1);
}

function scalar(start: number, end: number): Found {
  if (bytes[start] === QUOTE) return textAt(start, end);
  const usual = end - start <= 15 ? integerAt(start, end) : -1;
  if (usual >= 0) return usual;
  const text = bytes.toString("latin1", start, end);
  const value = JSON.parse(text) as number | boolean | null;
  const isLarge = typeof value === "number" && !Number.isSafeInteger(value) && text.length <= MOST_DIGITS;
  return isLarge && /^-?\d+$/.test(text) ? BigInt(text) : value;
}

/** Digits alone; -1 where there is anything else. */
function integerAt(start: number, end: number): number {
  const json = bytes;
  let integer = 0;
  for (let k = start; k < end; k++) {
    const digit = json[k]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    integer = integer * 10 + digit;
  }
  return integer;
}
