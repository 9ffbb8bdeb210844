// events preview: what a map makes of a few messages of a topic, before anything is written. Wiring only.
import { plainReader, readerOf, refusal } from "../../../shared/events/shape/mapped.ts";
import { parseShape } from "../../../shared/events/shape/shape.ts";
import { readShapes, shapeOf } from "../../../shared/files/shape-flags.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import { schemaIdsOf } from "../../../shared/kafka/schemas/framing.ts";
import { impatient } from "../../../shared/kafka/schemas/impatient.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { newestMessages, type Placed } from "./newest.ts";
import { options } from "./options.ts";
import { asJson, asText } from "./telling.ts";

export const command = defineCommand({
  name: "events",
  summary: "Show what a map makes of a few messages of a topic, before anything is written",
  positionals: ["action"],
  options,
  run: async ({ topic, messages, json, dataDir, kafkaConfig, ...flags }, until) => {
    const shape = shapeOf(readShapes(flags), topic);
    const schemas = shape?.registry === undefined ? undefined : impatient(shape.registry);
    const reader = shape ? readerOf(parseShape(shape), schemas?.decode) : plainReader;
    const kafka = await openNearest({ dataDir, kafkaConfig, signal: until.signal }, createLog("events"));
    try {
      const found = await newestMessages(kafka, topic, messages, reader.beside, until);
      await schemas?.prepare(schemaIdsOf(found.map(({ value }) => value)));
      const outcomeOf = (message: Placed) =>
        message.unknown === undefined ? reader.read(message) : refusal("NOT_UNPACKED", message.unknown);
      const all = found.map((message) => ({ message, outcome: outcomeOf(message) }));
      process.stdout.write(json ? all.map((each) => `${asJson(topic, each)}\n`).join("") : asText(topic, all));
    } finally {
      await kafka.close();
    }
  },
});
