// Messages of Kafka side by side in few arrays: what goes from the client's thread to the one that reads them, without an object a message. Pure.

export interface Message {
  readonly offset: number;
  readonly value: Uint8Array | null;
  /** Kafka's own time of the message, ms since 1970. */
  readonly arrivedAt: number;
}

/** In order of offset. */
export interface Messages {
  readonly offsets: Float64Array;
  /** ms since 1970. */
  readonly arrivedAt: Float64Array;
  /** Bytes of each value; -1 where a message has none. */
  readonly lengths: Int32Array;
  /** The values, one after the other. */
  readonly values: Uint8Array;
}

export function pack(messages: readonly Message[]): Messages {
  const count = messages.length;
  const packed = { offsets: new Float64Array(count), arrivedAt: new Float64Array(count), lengths: new Int32Array(count) };
  let bytes = 0;
  for (let k = 0; k < count; k++) {
    const { offset, value, arrivedAt } = messages[k]!;
    packed.offsets[k] = offset;
    packed.arrivedAt[k] = arrivedAt;
    packed.lengths[k] = value === null ? -1 : value.length;
    bytes += value === null ? 0 : value.length;
  }
  const values = new Uint8Array(bytes);
  for (let k = 0, at = 0; k < count; k++) {
    const { value } = messages[k]!;
    if (value === null) continue;
    values.set(value, at);
    at += value.length;
  }
  return { ...packed, values };
}
