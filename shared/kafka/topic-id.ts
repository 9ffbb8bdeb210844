// Kafka's request Metadata, version 10, made by hand: it names a topic's id, which no other topic ever has, and kafkajs
// knows the versions before it alone. Pure.

export const METADATA = 3;
/** Of Kafka 2.8 and later. */
export const METADATA_VERSION = 10;

const UNKNOWN_TOPIC = 3;

/** As kafkajs's connections take a request; its answer is the id, undefined where there is no such topic. */
export function topicIdRequest(topic: string) {
  return {
    request: {
      apiKey: METADATA,
      apiVersion: METADATA_VERSION,
      apiName: "Metadata",
      encode: async () => {
        const buffer = bodyFor(topic);
        return { buf: buffer, buffer };
      },
    },
    response: {
      decode: async (bytes: Buffer) => ({ id: topicIdIn(bytes) }),
      parse: async ({ id }: { id?: string }) => id,
    },
  };
}

/**
 * The tags that end the request's header (none), one topic (no id, its name, no tags), and that none is to be made and
 * nobody asks for rights.
 */
function bodyFor(topic: string): Buffer {
  const name = Buffer.from(topic);
  return Buffer.concat([Buffer.of(0, 2), Buffer.alloc(16), varint(name.length + 1), name, Buffer.of(0, 0, 0, 0, 0)]);
}

/** Throws where Kafka answers with an error of another kind. */
function topicIdIn(bytes: Buffer): string | undefined {
  const read = reader(bytes);
  read.tags(); // of the header
  read.skip(4); // throttle time
  for (let brokers = read.varint() - 1; brokers > 0; brokers--) {
    read.skip(4);
    read.text();
    read.skip(4);
    read.text();
    read.tags();
  }
  read.text(); // the cluster
  read.skip(4); // the controller
  if (read.varint() !== 2) throw new Error("Kafka told of another number of topics than was asked for");
  const error = read.int16();
  if (error === UNKNOWN_TOPIC) return undefined;
  read.text();
  const id = read.bytes(16).toString("base64url");
  if (error !== 0) throw new Error(`Kafka does not tell the topic's id: error ${error}`);
  return id;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) return Buffer.from(bytes);
  }
}

/** Of Kafka's compact types. */
function reader(bytes: Buffer) {
  let at = 0;
  const take = (count: number) => {
    at += count;
    if (at > bytes.length) throw new Error("Kafka's answer is cut off");
    return bytes.subarray(at - count, at);
  };
  const unsigned = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = take(1)[0]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  return {
    varint: unsigned,
    bytes: take,
    skip: (count: number) => void take(count),
    int16: () => take(2).readInt16BE(),
    text: () => void take(Math.max(0, unsigned() - 1)),
    tags: () => {
      for (let tags = unsigned(); tags > 0; tags--) {
        unsigned();
        take(unsigned());
      }
    },
  };
}
