// `tributary broker start|stop|status`: the local Apache Kafka, which stays when this command ends.
import { z } from "zod";
import { unreachable } from "../../shared/errors/errors.ts";
import { allWritten } from "../../shared/kafka/addresses.ts";
import { brokerStatus, startBroker, stopBroker } from "../../shared/kafka/broker.ts";
import { givenKafka } from "../../shared/kafka/given.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { folder } from "../../shared/runtime/location.ts";
import { say } from "../../shared/runtime/terminal.ts";

const options = z.object({
  action: z.enum(["start", "stop", "status"], "must be start, stop or status").describe("start, stop or status"),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  port: z.coerce
    .number()
    .int()
    .min(1)
    .max(65535)
    .optional()
    .describe("port to listen on (default 9092, or a free one when that is taken)"),
  json: z.boolean().default(false).describe("print {running, brokers, version} as JSON"),
});

export const command = defineCommand({
  name: "broker",
  summary: "The local Apache Kafka: start, stop or status",
  positionals: ["action"],
  options,
  async run({ action, dataDir, port, json }, until) {
    switch (action) {
      case "start": {
        const from = performance.now();
        const { brokers, pid, started } = await startBroker(dataDir, { port, signal: until.signal, say });
        say(
          started
            ? `Kafka answers at ${brokers} (process ${pid}) after ${((performance.now() - from) / 1000).toFixed(1)} s`
            : `Kafka was running at ${brokers}`,
        );
        break;
      }
      case "stop":
        say(ending[await stopBroker(dataDir)]);
        break;
      case "status":
        break;
      default:
        unreachable(action);
    }
    const { running, brokers, version } = await brokerStatus(dataDir);
    if (json) process.stdout.write(`${JSON.stringify({ running, brokers, version })}\n`);
    else if (action === "status")
      process.stdout.write(running ? `Kafka ${version} runs at ${brokers}\n` : `no local Kafka runs for ${dataDir}\n`);
    const given = await givenKafka(undefined, process.env, say);
    if (given) say(`note: KAFKA_... is set, so the other commands use ${allWritten(given.brokers)}`);
  },
});

const ending = {
  stopped: "Kafka stopped",
  killed: "Kafka did not stop within 10 s and was killed; it repairs its log at the next start",
  "was not running": "Kafka was not running",
};
