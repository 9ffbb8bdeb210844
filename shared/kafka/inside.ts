// What kafkajs knows and its own interface does not tell: which topic it is that has a name now, where the log of a
// partition really ends, open transactions included; and its connections, for requests of our own. By the cluster that
// its consumers and admins are made of, so that it goes the same secured way. kafkajs has no maintainer, and no new
// version will move what is used here; another client would tell these things itself.
import type kafkajs from "kafkajs";
import type { RawMessage } from "./messages.ts";
import { METADATA, METADATA_VERSION, topicIdRequest } from "./topic-id.ts";

/** One of Kafka's brokers. */
export interface Broker {
  initProducerId(transaction: object): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  readonly connectionPool: {
    send<T>(exchange: {
      readonly request: {
        readonly apiKey: number;
        readonly apiVersion: number;
        readonly apiName: string;
        /** What it gives is copied to behind the request's header. */
        encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
      };
      readonly response: { decode(bytes: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
    }): Promise<T>;
  };
}

/** The same, to read from. */
interface Source extends Broker {
  fetch(wanted: {
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }[];
    }[];
  }): Promise<{ readonly responses: { readonly partitions: { readonly messages: readonly RawMessage[] }[] }[] }>;
}

/** As far as it is used here. */
export interface Cluster {
  readonly brokerPool: {
    findConnectedBroker(): Promise<{
      readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>;
      readonly connectionPool: { send(request: object): Promise<string | null | undefined> };
    }>;
  };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly fromBeginning: boolean;
      readonly partitions: readonly { readonly partition: number }[];
    }[],
  ): Promise<{ readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[];
  findControllerBroker(): Promise<Broker>;
  findBroker(wanted: { readonly nodeId: number }): Promise<Broker>;
  removeBroker(address: { readonly host: string; readonly port: number }): void;
  isConnected(): boolean;
}

export interface Inside {
  /** The offset after the last message of each partition, whether it may be read yet or not. */
  highWatermarks(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Undefined where Kafka has no message there, or none any more. */
  messageAt(topic: string, partition: number, offset: number): Promise<RawMessage | undefined>;
  /** Null where Kafka has no ids (before 2.8), undefined where there is no such topic. */
  topicId(topic: string): Promise<string | null | undefined>;
  close(): Promise<void>;
}

const READ_UNCOMMITTED = 0;
/** Of a fetch of one message: Kafka gives the batch that it stands in, however large. */
const ONE_BATCH = { maxWaitTime: 500, minBytes: 1, maxBytes: 1 << 20 };
const GONE = "OFFSET_OUT_OF_RANGE";
/** Partitions that are added to a topic, and leaders that have moved, are known after so long at most. */
export const METADATA_MS = 5000;

export function openInside(client: InstanceType<typeof kafkajs.Kafka>): Inside {
  let opening: Promise<Cluster> | undefined;

  const opened = (): Promise<Cluster> => {
    opening ??= openCluster(client).catch((error) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };

  return {
    highWatermarks: async (topic, partitions) => {
      const cluster = await opened();
      const wanted = { topic, fromBeginning: false, partitions: partitions.map((partition) => ({ partition })) };
      try {
        await cluster.addTargetTopic(topic);
        await cluster.refreshMetadataIfNecessary();
        const [found] = await cluster.fetchTopicsOffset([wanted]);
        return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      } catch (error) {
        void cluster.refreshMetadata().catch(() => undefined); // a leader has moved, or partitions were added
        throw error;
      }
    },
    messageAt: async (topic, partition, offset) => {
      const cluster = await opened();
      try {
        await cluster.addTargetTopic(topic);
        await cluster.refreshMetadataIfNecessary();
        const found = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
        if (!found) return undefined;
        const broker = (await cluster.findBroker({ nodeId: found.leader })) as Source;
        const wanted = { partition, fetchOffset: String(offset), maxBytes: ONE_BATCH.maxBytes };
        const topics = [{ topic, partitions: [wanted] }];
        const { responses } = await broker.fetch({ ...ONE_BATCH, isolationLevel: READ_UNCOMMITTED, topics });
        const messages = responses.flatMap((each) => each.partitions.flatMap((one) => one.messages));
        return messages.find((message) => Number(message.offset) === offset);
      } catch (error) {
        if ((error as { type?: string }).type === GONE) return undefined;
        void cluster.refreshMetadata().catch(() => undefined); // a leader has moved
        throw error;
      }
    },
    topicId: async (topic) => {
      const { versions, connectionPool } = await (await opened()).brokerPool.findConnectedBroker();
      if ((versions[METADATA]?.maxVersion ?? 0) < METADATA_VERSION) return null;
      return connectionPool.send(topicIdRequest(topic));
    },
    close: async () => {
      await (await opening?.catch(() => undefined))?.disconnect();
    },
  };
}

export async function openCluster(client: object): Promise<Cluster> {
  const create = Object.getOwnPropertySymbols(client).find((each) => each.description?.endsWith(":createCluster"));
  const make = create && (client as Record<symbol, (settings: object) => Cluster>)[create];
  if (!make) throw new Error("this kafkajs is none that is known");
  const cluster = make({
    metadataMaxAge: METADATA_MS,
    allowAutoTopicCreation: false,
    isolationLevel: READ_UNCOMMITTED,
  });
  await cluster.connect();
  return cluster;
}
