// The start of `up`: the broker, unless Kafka is elsewhere, then every service that the flow needs.
import { assertPortFree } from "../../../shared/http/port.ts";
import { allWritten } from "../../../shared/kafka/addresses.ts";
import { startBroker } from "../../../shared/kafka/broker.ts";
import { givenKafka } from "../../../shared/kafka/given.ts";
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
  if (given) await showStep("broker", async (done) => done(`Kafka at ${allWritten(given.brokers)}`));
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
