// A folder with a broker of its own for a file of tests, gone with the last of them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { startBroker, stopBroker } from "../../shared/kafka/broker.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import { plainKafka } from "../../shared/kafka/settings.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { killAll } from "./processes.ts";

export interface BrokerFolder {
  readonly folder: string;
  /** What processes find the broker by. From the first test on. */
  readonly env: { readonly KAFKA_BROKERS: string };
  /** From the first test on. */
  readonly kafka: Kafka;
}

/** To be called at the top of a file of tests; what those leave running is killed. */
export function useBroker(name: string): BrokerFolder {
  const folder = mkdtempSync(join(tmpdir(), `tributary-${name}-`));
  let brokers = "";
  let kafka: Kafka | undefined;
  beforeAll(async () => {
    ({ brokers } = await startBroker(folder));
    kafka = await openKafka(plainKafka(brokers), createLog("test"));
  });
  afterAll(async () => {
    killAll();
    await kafka?.close();
    await stopBroker(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    get env() {
      return { KAFKA_BROKERS: brokers };
    },
    get kafka() {
      return kafka!;
    },
  };
}
