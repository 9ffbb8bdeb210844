// Kafka's request Produce (versions 5 to 7, which are written alike) and its answer, byte for byte. Pure.

export const PRODUCE = 0;
/** What we write; brokers of the last eight years read it. */
export const PRODUCE_VERSION = 7;

/** A batch on its way. */
export interface Batch {
  readonly partition: number;
  readonly bytes: Buffer;
}

/** Of a partition: what became of its batch, by Kafka's number. */
export interface Outcome {
  readonly partition: number;
  readonly error: number;
}

const ALL_REPLICAS = -1;

export function produceRequest(topic: string, batches: readonly Batch[], timeoutMs: number): Buffer {
  const name = Buffer.from(topic);
  const pieces: Buffer[] = [];
  const beginning = Buffer.alloc(18 + name.length);
  beginning.writeInt16BE(-1, 0); // no transactional id
  beginning.writeInt16BE(ALL_REPLICAS, 2);
  beginning.writeInt32BE(timeoutMs, 4);
  beginning.writeInt32BE(1, 8); // topics
  beginning.writeInt16BE(name.length, 12);
  name.copy(beginning, 14);
  beginning.writeInt32BE(batches.length, 14 + name.length);
  pieces.push(beginning);
  for (const { partition, bytes } of batches) {
    const head = Buffer.alloc(8);
    head.writeInt32BE(partition, 0);
    head.writeInt32BE(bytes.length, 4);
    pieces.push(head, bytes);
  }
  return Buffer.concat(pieces);
}

/** Of the one topic that was asked for. */
export function outcomesIn(answer: Buffer): Outcome[] {
  const nameLength = answer.readInt16BE(4);
  let at = 6 + nameLength;
  const count = answer.readInt32BE(at);
  at += 4;
  return Array.from({ length: count }, () => {
    const outcome = { partition: answer.readInt32BE(at), error: answer.readInt16BE(at + 4) };
    at += 30; // base offset, log append time, log start offset
    return outcome;
  });
}

/** A batch that Kafka has already: it came twice, and stands there once. */
const DUPLICATE = 46;
export const isThere = (error: number): boolean => error === 0 || error === DUPLICATE;

/** By Kafka's numbers: a leader has moved, replicas are missing, a disk or the network failed. */
const passing = new Set([2, 3, 5, 6, 7, 13, 19, 20, 56]);
export const isPassing = (error: number): boolean => passing.has(error);

const names: Readonly<Record<number, string>> = {
  10: "MESSAGE_TOO_LARGE",
  18: "RECORD_LIST_TOO_LARGE",
  29: "TOPIC_AUTHORIZATION_FAILED",
  31: "CLUSTER_AUTHORIZATION_FAILED",
  45: "OUT_OF_ORDER_SEQUENCE_NUMBER",
  47: "INVALID_PRODUCER_EPOCH",
  59: "UNKNOWN_PRODUCER_ID",
  76: "UNSUPPORTED_COMPRESSION_TYPE",
  87: "INVALID_RECORD",
};

/** As kafkajs tells such a refusal: an error with a type. */
export const refusedBy = (error: number): Error => {
  const type = names[error] ?? `error ${error}`;
  return Object.assign(new Error(`Kafka refuses what is written: ${type}`), { type });
};
