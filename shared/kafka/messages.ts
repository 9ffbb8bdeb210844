// Messages of Kafka side by side in few arrays: what goes from the client's thread to the one that reads them, without
// an object a message. Pure.

/** A message as kafkajs has it: 64-bit numbers as their digits. */
export interface RawMessage {
  readonly offset: string;
  /** Kafka's own time of the message, ms since 1970. */
  readonly timestamp: string;
  readonly value: Uint8Array | null;
}

/** In order of offset. */
export interface Messages {
  readonly offsets: Float64Array;
  /** Kafka's own times, ms since 1970. */
  readonly arrivedAt: Float64Array;
  /** Bytes of each value; -1 where a message has none. */
  readonly lengths: Int32Array;
  /** The values, one after the other. */
  readonly values: Uint8Array;
}

/** Those at and after `from`. */
export function pack(messages: readonly RawMessage[], from: number): Messages {
  let first = 0;
  while (first < messages.length && Number(messages[first]!.offset) < from) first++;
  const count = messages.length - first;
  const packed = {
    offsets: new Float64Array(count),
    arrivedAt: new Float64Array(count),
    lengths: new Int32Array(count),
  };
  let bytes = 0;
  for (let k = 0; k < count; k++) {
    const { offset, timestamp, value } = messages[first + k]!;
    packed.offsets[k] = Number(offset);
    packed.arrivedAt[k] = Number(timestamp);
    packed.lengths[k] = value === null ? -1 : value.length;
    bytes += value === null ? 0 : value.length;
  }
  const values = new Uint8Array(bytes);
  for (let k = 0, at = 0; k < count; k++) {
    const { value } = messages[first + k]!;
    if (value === null) continue;
    values.set(value, at);
    at += value.length;
  }
  return { ...packed, values };
}
