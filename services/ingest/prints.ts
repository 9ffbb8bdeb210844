// The fingerprint of a message, by which a topic is known again where Kafka tells no id of it (before 2.8): of the last
// message of each partition that is in the table, its offset and this stand in the log. Pure.
import { createHash } from "node:crypto";

/** A message that is in the table, and what it was like. */
export interface Printed {
  readonly offset: number;
  readonly print: number;
}

interface Message {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Kafka's own time, ms since 1970. */
  readonly timestamp: number;
}

/** 48 bits of it: a number that every reader of a Delta log can hold. */
const PRINT_BYTES = 6;

export function printOf({ key, value, timestamp }: Message): number {
  const hash = createHash("sha256").update(`${timestamp} ${key?.length ?? -1} ${value?.length ?? -1} `);
  for (const bytes of [key, value]) if (bytes) hash.update(bytes);
  return hash.digest().readUIntBE(0, PRINT_BYTES);
}
