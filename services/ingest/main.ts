// ingest: Kafka into the Delta table, every offset exactly once. Wiring only.
import { resolve } from "node:path";
import { z } from "zod";
import { hash32 } from "../../shared/events/hash.ts";
import { serveFace } from "../../shared/http/http.ts";
import { resolveBrokers } from "../../shared/kafka/broker.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import { duration, size } from "../../shared/runtime/amount.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { folder } from "../../shared/runtime/location.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { LONGEST_RETENTION } from "../../shared/table/vacuum-plan.ts";
import { createFigures } from "./figures.ts";
import { budgetOf } from "./memory.ts";
import { openPipeline } from "./pipeline.ts";
import { createUpkeep } from "./upkeep.ts";
import { watch } from "./watch.ts";

const TOPIC_PARTITIONS = 4;
const DRAIN_MS = 2500;
const RETRY_MS = 1000;
const RED_AFTER_MS = 60_000;

const options = z.object({
  topic: z.string().min(1).default("interactions").describe("where the events come from; created with 4 partitions where missing"),
  table: folder().optional().describe("the table, holds events/ (default: table/ in the data directory)"),
  deadLetters: folder().optional().describe("the table of messages that are no events (default: dead-letters/ in the data directory)"),
  untilEnd: z.boolean().default(false).describe("stop at the offsets that the topic ends with now"),
  onBadEvent: z
    .enum(["dead-letter", "stop"])
    .default("dead-letter")
    .describe("what becomes of a message that is no event: kept among the dead letters, or everything stops before it"),
  flushRows: z.coerce.number().int().min(1).max(1_000_000).default(200_000).describe("events a file, at most about"),
  flushBytes: size("64kB", "256MB").prefault("16MB").describe("memory of the events of a file, at most about"),
  flushSeconds: z.coerce.number().min(0.1).default(10).describe("the longest that an event waits for the table"),
  memory: size("448MB", "64GB").prefault("512MB").describe("of the whole process: reading pauses before it needs more"),
  upkeep: z.boolean().default(true).describe("merge small files and vacuum in the background, in processes of their own"),
  retention: duration(LONGEST_RETENTION).prefault("168h").describe("age from which vacuum deletes what the table no longer needs"),
  group: z
    .string()
    .optional()
    .describe("Kafka's consumer group: processes of one group share the partitions (default: one for each table)"),
  dataDir: folder().default(".tributary").describe("where everything lies"),
  httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe("for /status and /metrics; 0 takes any free one"),
});

export const command = defineCommand({
  name: "ingest",
  summary: "Read events from Kafka into the Delta table, each exactly once",
  options,
  run: async (config, until) => {
    const { topic, untilEnd } = config;
    const paths = pathsOf(config.dataDir);
    const log = createLog("ingest", { run: paths.root });
    const tableDir = resolve(config.table ?? paths.table);
    const find = () => resolveBrokers(config.dataDir, process.env);
    const kafka = await openKafka(await find(), log, process.env.KAFKA_BROKERS ? undefined : find);
    await kafka.ensureTopic(topic, TOPIC_PARTITIONS);
    const metrics = createMetrics("ingest");
    const figures = createFigures(metrics);
    const bounds = () => kafka.endOffsets(topic);
    const room = budgetOf(config.memory);

    const deadLettersDir = resolve(config.deadLetters ?? paths.deadLetters);
    const upkeep = createUpkeep({ tableDir, deadLettersDir, dataDir: paths.root, retentionMs: config.retention }, metrics, log);

    const pipeline = await openPipeline({
      topic,
      tableDir,
      deadLettersDir,
      limits: { rows: config.flushRows, bytes: Math.min(config.flushBytes, room.buffer), ageMs: 1000 * config.flushSeconds },
      stopOnBadEvent: config.onBadEvent === "stop",
      retryMs: RETRY_MS,
      ends: untilEnd ? new Map((await bounds()).map(({ partition, end }) => [partition, end])) : null,
      bytesUnderWay: room.underWay,
      heapMegabytes: room.threadHeap / 1e6,
      bounds,
      hear: (news) => {
        figures.hear(news);
        // Of all that write into the table the one that reads partition 0 cares for it.
        if (news.type === "wrote" && config.upkeep && !untilEnd) upkeep.look(news.table.compactionDue, figures.positions.has(0));
      },
      reassign: () => consumption.reassign(),
      committed: (next) => void consumption.commit(next).catch((error: Error) => log.debug(`group offsets not told: ${error.message}`)),
    });
    const face = await serveFace({
      service: "ingest",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: () => ({ ...figures.status(), upkeep: upkeep.running }),
      live: () => figures.healthy(RED_AFTER_MS),
    });
    const group = config.group ?? `tributary-${hash32(tableDir, 0).toString(16)}`;
    const { assigned, rebalancing, fetched } = pipeline;
    const consumption = await kafka.consume({ topic, group, fetchBytes: room.fetch, assigned, rebalancing, fetched });
    const watching = watch({ bounds, paused: pipeline.paused, figures, topic, log });
    await Promise.race([until.stopped, pipeline.ended, pipeline.failed, consumption.failed, watching.failed]);

    figures.draining();
    watching.stop();
    await Promise.all([pipeline.drain(DRAIN_MS), upkeep.stop()]);
    await kafka.close();
    await pipeline.close();
    await face.close();
    log.info({ ...figures.status(), usage: usage() }, "stopped");
  },
});

function usage(): { readonly cpuSeconds: number; readonly peakBytes: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakBytes: 1024 * maxRSS };
}
