// ingest: Kafka into the Delta table, every offset exactly once. Wiring only.
import { resolve } from "node:path";
import { z } from "zod";
import { hash32 } from "../../shared/events/hash.ts";
import { resolveBrokers } from "../../shared/kafka/broker.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { serveFace } from "../../shared/runtime/http.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { createFigures } from "./figures.ts";
import { createIntake } from "./intake.ts";
import { watch } from "./watch.ts";
import { openWriter } from "./writer.ts";

const TOPIC_PARTITIONS = 4;
const DRAIN_MS = 2500;
const RETRY_MS = 1000;
const RED_AFTER_MS = 60_000;

const options = z.object({
  topic: z.string().min(1).default("interactions").describe("where the events come from; created with 4 partitions where missing"),
  table: z.string().optional().describe("the table, holds events/ (default: table/ in the data directory)"),
  deadLetters: z.string().optional().describe("the table of messages that are no events (default: dead-letters/ in the data directory)"),
  untilEnd: z.boolean().default(false).describe("stop at the offsets that the topic ends with now"),
  flushRows: z.coerce.number().int().min(1).max(1_000_000).default(50_000).describe("events a file, at most about"),
  flushSeconds: z.coerce.number().min(0.1).default(5).describe("the longest that an event waits for the table"),
  group: z
    .string()
    .optional()
    .describe("Kafka's consumer group: processes of one group share the partitions (default: one for each table)"),
  dataDir: z.string().default(".tributary").describe("where everything lies"),
  httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe("for /status and /metrics; 0 takes any free one"),
});

export const command = defineCommand({
  name: "ingest",
  summary: "Read events from Kafka into the Delta table, each exactly once",
  options,
  run: async (config, until) => {
    const log = createLog("ingest");
    const { topic, untilEnd } = config;
    const paths = pathsOf(config.dataDir);
    const tableDir = resolve(config.table ?? paths.table);
    const kafka = await openKafka(await resolveBrokers(config.dataDir, process.env), log);
    await kafka.ensureTopic(topic, TOPIC_PARTITIONS);
    const writer = await openWriter(tableDir, config.deadLetters ?? paths.deadLetters, topic);
    const metrics = createMetrics("ingest");
    const figures = createFigures(metrics, writer);
    const bounds = () => kafka.endOffsets(topic);
    const ends = untilEnd ? new Map((await bounds()).map(({ partition, end }) => [partition, end])) : null;
    const limits = { rows: config.flushRows, ageMs: 1000 * config.flushSeconds };

    const intake = createIntake(
      {
        topic,
        limits,
        retryMs: RETRY_MS,
        ends,
        bounds,
        reassign: () => consumption.reassign(),
        committed: (next) => void consumption.commit(next).catch((error: Error) => log.debug(`group offsets not told: ${error.message}`)),
      },
      writer,
      figures,
      log,
    );
    const face = await serveFace({
      service: "ingest",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: () => figures.status(intake.positions),
      live: () => figures.healthy(RED_AFTER_MS),
    });
    const group = config.group ?? `tributary-${hash32(tableDir, 0).toString(16)}`;
    const consumption = await kafka.consume({ topic, group, assigned: intake.assigned, fetched: intake.fetched });
    const watching = watch({ bounds, intake, figures, topic, log });
    await Promise.race([until.stopped, intake.ended, consumption.failed, watching.failed]);

    figures.draining();
    watching.stop();
    await intake.drain(DRAIN_MS);
    await kafka.close();
    await face.close();
    log.info({ version: writer.table.version, rows: writer.table.rows }, "stopped");
  },
});
