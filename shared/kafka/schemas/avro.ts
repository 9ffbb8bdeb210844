// What a map wants of Avro's binary, by the schema that it was written with. avsc reads the schema; its own decoder
// makes lists as long as a message claims they are, so that a few bytes can take all memory: this one makes no more
// than there are bytes, nothing that no path leads to, and keeps 64-bit integers exact. Pure.
// Source: the Avro specification 1.12, "Binary encoding".
import avro from "avsc";
import { type Found, MOST_ELEMENTS, type Places, TOO_MANY, UNFIT, type Want } from "../../events/shape/want.ts";
import type { FoundOf, SchemaText } from "./text.ts";

type Type = avro.Type;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** References first, each of which may name those before it. Throws an Error where it is no schema. */
export function avroOf({ text, references }: SchemaText): FoundOf {
  const registry = {};
  const parse = (schema: string): Type => avro.Type.forSchema(JSON.parse(schema), { registry, wrapUnions: "never" });
  for (const reference of references) parse(reference.text);
  const type = parse(text);
  return (bytes, want) => {
    const input = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at: 0, elements: 0 };
    const found = take(input, type, want);
    if (input.at !== bytes.length) throw new RangeError("bytes are left over");
    return input.elements > MOST_ELEMENTS ? TOO_MANY : found;
  };
}

interface Input {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  elements: number;
}

/** The value that begins here, null: only to pass over it. */
function take(input: Input, type: Type, want: Want | null): Found {
  const kind = type.typeName;
  if (kind.startsWith("union")) {
    const { types } = type as avro.types.UnwrappedUnionType;
    const branch = types[Number(long(input))];
    if (!branch) throw new RangeError("no such branch of a union");
    return take(input, branch, want);
  }
  switch (kind) {
    case "record":
    case "error":
      return takeRecord(input, type as avro.types.RecordType, want);
    case "array":
      return takeArray(input, (type as avro.types.ArrayType).itemsType, want);
    case "map":
      return takeMap(input, (type as avro.types.MapType).valuesType, want);
    default: {
      const value = scalar(input, type, want?.isAsked ?? false);
      return want?.isAsked ? value : UNFIT;
    }
  }
}

const placesOf = ({ size }: Want): Places => new Array<Found>(size).fill(undefined);

function takeRecord(input: Input, { fields }: avro.types.RecordType, want: Want | null): Found {
  const found = want && want.fields.length > 0 ? placesOf(want) : UNFIT;
  for (const { name, type } of fields) {
    const wanted = want?.fields.find((each) => each.name === name);
    const value = take(input, type, wanted?.want ?? null);
    if (wanted) (found as Places)[wanted.at] = value;
  }
  return found;
}

/** In blocks, each with its length; of a negative one the bytes come next. */
function eachOfBlocks(input: Input, visit: () => void): void {
  for (;;) {
    let count = Number(long(input));
    if (count === 0) return;
    if (count < 0) {
      count = -count;
      long(input);
    }
    if (count > left(input)) throw new RangeError("more elements than bytes");
    for (; count > 0; count--) visit();
  }
}

function takeArray(input: Input, itemsType: Type, want: Want | null): Found {
  const { each = null, elements = [] } = want ?? {};
  const found = want && (each || elements.length > 0) ? placesOf(want) : UNFIT;
  const all: Places = [];
  if (each) (found as Places)[each.at] = all;
  let index = 0;
  eachOfBlocks(input, () => {
    const start = input.at;
    const number = index++;
    for (const element of elements) {
      if (element.index !== number) continue;
      input.at = start;
      (found as Places)[element.at] = take(input, itemsType, element.want);
    }
    input.at = start;
    const isKept = each !== null && input.elements++ < MOST_ELEMENTS;
    const value = take(input, itemsType, isKept ? each.want : null);
    if (isKept) all.push(value);
  });
  return found;
}

function takeMap(input: Input, valuesType: Type, want: Want | null): Found {
  const found = want && want.fields.length > 0 ? placesOf(want) : UNFIT;
  eachOfBlocks(input, () => {
    const name = textOf(piece(input));
    const wanted = want?.fields.find((each) => each.name === name);
    const value = take(input, valuesType, wanted?.want ?? null);
    if (wanted) (found as Places)[wanted.at] = value;
  });
  return found;
}

function scalar(input: Input, type: Type, isAsked: boolean): Found {
  switch (type.typeName) {
    case "null":
      return null;
    case "boolean":
      return input.view.getUint8(skip(input, 1)) !== 0;
    case "int":
    case "long":
      return integer(long(input));
    case "float":
      return input.view.getFloat32(skip(input, 4), true);
    case "double":
      return input.view.getFloat64(skip(input, 8), true);
    case "string": {
      const bytes = piece(input);
      return isAsked ? textOf(bytes) : "";
    }
    case "bytes":
      piece(input);
      return UNFIT;
    case "fixed":
      skip(input, (type as avro.types.FixedType).size);
      return UNFIT;
    case "enum": {
      const symbol = (type as avro.types.EnumType).symbols[Number(long(input))];
      if (symbol === undefined) throw new RangeError("no such symbol of an enum");
      return symbol;
    }
    default:
      throw new TypeError(`no type of Avro's: ${type.typeName}`);
  }
}

/** One that no number holds is a name by its digits. */
const integer = (value: number | bigint): number | string => (typeof value === "bigint" ? String(value) : value);
const textOf = (bytes: Uint8Array): string => utf8.decode(bytes);
const left = ({ bytes, at }: Input): number => bytes.length - at;

/** So many bytes; answers where they begin. */
function skip(input: Input, count: number): number {
  if (!(count >= 0 && count <= left(input))) throw new RangeError("it ends too early");
  input.at += count;
  return input.at - count;
}

function piece(input: Input): Uint8Array {
  const start = skip(input, Number(long(input)));
  // the length has been read before: `start` is behind it
  return input.bytes.subarray(start, input.at);
}

/** Zigzag, at most ten bytes. */
function long(input: Input): number | bigint {
  let low = 0;
  let scale = 1;
  for (let k = 0; k < 7; k++, scale *= 128) {
    const byte = input.view.getUint8(skip(input, 1));
    low += (byte & 0x7f) * scale;
    if (byte < 0x80) return low % 2 === 0 ? low / 2 : -(low + 1) / 2;
  }
  let value = BigInt(low);
  for (let shift = 49n; shift < 70n; shift += 7n) {
    const byte = input.view.getUint8(skip(input, 1));
    value |= BigInt(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    const signed = BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }
  throw new RangeError("an integer of more than 64 bits");
}
