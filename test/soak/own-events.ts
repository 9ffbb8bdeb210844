// The soak's own events among the others, each with a number that is its value: what Kafka has acknowledged must stand
// in the table, what is malformed among the dead letters.
import { brokerStatus } from "../../shared/kafka/broker.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import type { Outgoing } from "../../shared/kafka/outgoing.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import { plainKafka } from "../../shared/kafka/settings.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { createLog } from "../../shared/runtime/log.ts";

export const TOPIC = "interactions";
/** Its users' names begin so. */
export const OWN = "soak-";
const EVERY_MS = 1000;
const TOGETHER = 5;
/** One of so many is malformed. */
const BAD = 25;

export interface Sent {
  /** Numbers of good ones and of malformed ones that were acknowledged. */
  readonly good: readonly number[];
  readonly bad: readonly number[];
}

const isBad = (k: number): boolean => k % BAD === BAD - 1;
export const badText = (k: number): string => `{"user":"${OWN}bad-${k}"}`;

function eventOf(k: number): Outgoing {
  const user = `${OWN}${k % 50}`;
  return { key: user, value: isBad(k) ? badText(k) : JSON.stringify({ user, item: `i${(k * 7) % 200}`, value: k }) };
}

/** Sends until it is stopped. What was not acknowledged is sent again: it may stand twice. */
export function sendOwnEvents(dataDir: string): { stop(): Promise<Sent> } {
  const sent = { good: [] as number[], bad: [] as number[] };
  const over = new AbortController();
  const log = createLog("soak");
  log.level = "silent";
  const sending = (async () => {
    let kafka: Kafka | undefined;
    for (let next = 0; !over.signal.aborted; await sleep(EVERY_MS, over.signal)) {
      const numbers = Array.from({ length: TOGETHER }, (_, k) => next + k);
      try {
        kafka ??= await connect(dataDir, log);
        if (!kafka) continue;
        await within(20_000, kafka.produce(TOPIC, numbers.map(eventOf)));
        for (const k of numbers) (isBad(k) ? sent.bad : sent.good).push(k);
        next += TOGETHER;
      } catch {
        void kafka?.close().catch(() => {});
        kafka = undefined; // the broker may be elsewhere
      }
    }
    await kafka?.close().catch(() => {});
  })();
  return {
    stop: async () => {
      over.abort();
      await sending;
      return sent;
    },
  };
}

async function connect(dataDir: string, log: ReturnType<typeof createLog>): Promise<Kafka | undefined> {
  const { brokers } = await brokerStatus(dataDir);
  return brokers === null ? undefined : await openKafka(plainKafka(brokers), log);
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return Promise.race([promise, sleep(ms).then(() => Promise.reject(new Error("it took too long")))]);
}
