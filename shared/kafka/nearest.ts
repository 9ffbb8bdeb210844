// The Kafka of a data directory, for every service that speaks it: KAFKA_BROKERS, or the local broker, which may come
// back at another port.
import type { Log } from "../runtime/log.ts";
import { resolveBrokers } from "./broker.ts";
import { type Kafka, openKafka } from "./client.ts";

/** Throws BROKER_UNREACHABLE. */
export async function openNearest(dataDir: string, log: Log): Promise<Kafka> {
  const find = () => resolveBrokers(dataDir, process.env);
  return openKafka(await find(), log, process.env.KAFKA_BROKERS ? undefined : find);
}
