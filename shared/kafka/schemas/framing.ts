// How values name their schema, as Confluent's clients write them: a zero byte, the schema's id in four bytes, for
// Protobuf which of its messages it is, then the message. Pure.
import type { Messages } from "../messages.ts";

/** Bytes before the message. */
export const FRAME = 5;

/** Undefined where the value is not framed so. */
export function schemaIdOf(value: Uint8Array): number | undefined {
  if (value.length < FRAME || value[0] !== 0) return undefined;
  return new DataView(value.buffer, value.byteOffset).getInt32(1);
}

/** The ids of all values. */
export function schemaIdsOf(values: Iterable<Uint8Array | null>): Set<number> {
  const ids = new Set<number>();
  for (const value of values) {
    const id = value ? schemaIdOf(value) : undefined;
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

export const schemaIdsIn = (messages: Pick<Messages, "lengths" | "values">): Set<number> =>
  schemaIdsOf(valuesIn(messages));

function* valuesIn({ lengths, values }: Pick<Messages, "lengths" | "values">) {
  let at = 0;
  for (const length of lengths) {
    yield length < 0 ? null : values.subarray(at, at + length);
    at += Math.max(0, length);
  }
}

const MOST_NESTED = 32;

/** Which message of a Protobuf schema, a number a level, and where it begins. Throws where that cannot be read. */
export function messageIndexes(bytes: Uint8Array): { readonly path: readonly number[]; readonly start: number } {
  let at = 0;
  const varint = () => {
    let number = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      number |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (number >>> 1) ^ -(number & 1);
    }
    throw new RangeError("the message's number cannot be read");
  };
  const count = varint();
  if (count === 0) return { path: [0], start: at };
  if (count < 0 || count > MOST_NESTED) throw new RangeError("the message's number cannot be read");
  return { path: Array.from({ length: count }, varint), start: at };
}
