// The start of `up`: the broker, unless Kafka is elsewhere, then every service that the flow needs.
import { AppError } from "../../../shared/errors/errors.ts";
import { assertPortFree } from "../../../shared/http/port.ts";
import { allWritten } from "../../../shared/kafka/addresses.ts";
import { startBroker } from "../../../shared/kafka/broker.ts";
import { openKafka } from "../../../shared/kafka/client.ts";
import { givenKafka } from "../../../shared/kafka/given.ts";
import type { KafkaSettings } from "../../../shared/kafka/settings.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import type { Supervised } from "../../../shared/runtime/supervise.ts";
import { showStep } from "../../../shared/runtime/terminal.ts";
import { superviseBroker } from "./broker.ts";
import type { Config } from "./options.ts";
import { startServices } from "./services.ts";

/** Whatever has begun is in `supervised`, also when it throws. `tell` hears what goes wrong later. */
export async function startAll(
  config: Config,
  supervised: Supervised[],
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const port of config.port === 0 ? [] : [config.port, config.port + 1]) await assertPortFree(port);
  signal.throwIfAborted();
  const given = await givenKafka(config.kafkaConfig, process.env, tell);
  if (given) await showStep("broker", async (done) => done(await greet(given, signal)));
  else {
    const broker = await showStep("broker", async (done) => {
      const started = await startBroker(config.dataDir, { owner: "up", signal });
      done(`Kafka at ${started.brokers}${started.started ? "" : " (was running)"}`);
      return started;
    });
    const reach = () =>
      Promise.all(supervised.filter(({ name }) => /^(replay|ingest)$/.test(name)).map((each) => each.restart()));
    supervised.push(superviseBroker(config.dataDir, broker, tell, reach));
  }
  signal.throwIfAborted();
  supervised.push(...(await startServices(config, supervised[0], tell)));
}

/** A Kafka that refuses us ends everything at once; one that is away is waited for by those who need it. */
async function greet(given: KafkaSettings, signal: AbortSignal): Promise<string> {
  const name = `Kafka at ${allWritten(given.brokers)}`;
  try {
    const kafka = await openKafka(given, createLog("up"), { signal });
    await kafka.close();
    return name;
  } catch (error) {
    if (error instanceof AppError && error.code === "BROKER_UNREACHABLE") return `${name} does not answer yet`;
    throw error;
  }
}
