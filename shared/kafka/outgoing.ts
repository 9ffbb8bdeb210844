// Messages on their way to Kafka: one by one as strings, or many of them in one piece of memory, which is what they
// become in the end.

export interface Outgoing {
  readonly key: string;
  readonly value: string | Buffer;
}

/** Many messages without an object or a string for any of them. */
export interface Bundle {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Four of each message: where its key begins and ends, and its value. */
  readonly places: Int32Array;
}

export const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

export function bundleOf(messages: readonly Outgoing[]): Bundle {
  const places = new Int32Array(4 * messages.length);
  const most = messages.reduce((sum, { key, value }) => sum + 3 * (key.length + value.length), 0);
  const bytes = Buffer.allocUnsafeSlow(most);
  let at = 0;
  messages.forEach(({ key, value }, k) => {
    places[4 * k] = at;
    at += bytes.write(key, at);
    places[4 * k + 1] = at;
    places[4 * k + 2] = at;
    at += typeof value === "string" ? bytes.write(value, at) : value.copy(bytes, at);
    places[4 * k + 3] = at;
  });
  return { count: messages.length, bytes: bytes.subarray(0, at), places };
}

/** Those messages of it that `isWanted` wants, by their keys. */
export function restOf({ bytes, count, places }: Bundle, isWanted: (key: Uint8Array) => boolean): Bundle {
  const kept: number[] = [];
  for (let k = 0; k < count; k++)
    if (isWanted(bytes.subarray(places[4 * k], places[4 * k + 1]))) kept.push(...places.subarray(4 * k, 4 * k + 4));
  return { count: kept.length / 4, bytes, places: Int32Array.from(kept) };
}
