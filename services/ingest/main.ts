// ingest: Kafka into the Delta table, every offset exactly once. Wiring only.
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape } from "../../shared/events/shape/shape.ts";
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import { serveFace } from "../../shared/http/http.ts";
import { openNearest } from "../../shared/kafka/nearest.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { options } from "./options.ts";
import { openPipeline } from "./pipeline.ts";
import { createProgress } from "./progress.ts";
import { settingsOf } from "./settings.ts";
import { createUpkeep } from "./upkeep.ts";
import { usage } from "./usage.ts";
import { watch } from "./watch.ts";

const TOPIC_PARTITIONS = 4;
const DRAIN_MS = 2500;
const RED_AFTER_MS = 60_000;

export const command = defineCommand({
  name: "ingest",
  summary: "Read events from Kafka into the Delta table, each exactly once",
  options,
  run: async (config, until) => {
    const { topic, untilEnd } = config;
    const paths = pathsOf(config.dataDir);
    const log = createLog("ingest", { run: paths.root });
    const { group, fetchBytes, pipeline: settings } = settingsOf(config, paths);
    const kafka = await openNearest({ ...config, signal: until.signal }, log);
    await kafka.ensureTopic(topic, TOPIC_PARTITIONS);
    const metrics = createMetrics("ingest");
    const progress = createProgress(metrics);
    const bounds = () => kafka.endOffsets(topic);
    const { tableDir, deadLettersDir, shape } = settings;
    const beside = shape ? readerOf(parseShape(shape)).beside : [];
    const upkeep = createUpkeep(
      { tableDir, deadLettersDir, dataDir: paths.root, retentionMs: config.retention },
      metrics,
      log,
    );

    const pipeline = await openPipeline({
      ...settings,
      ends: untilEnd ? new Map((await bounds()).map(({ partition, stable }) => [partition, stable])) : null,
      look: async () => ({ id: null, bounds: await bounds() }),
      hear: (news) => {
        progress.hear(news);
        // Of all that write into the table the one that reads partition 0 cares for it.
        if (news.type === "wrote" && config.upkeep && !untilEnd)
          upkeep.look(news.table.compactionDue, progress.positions.has(0));
      },
      reassign: () => consumption.reassign(),
      committed: (next) =>
        void consumption.commit(next).catch((error: Error) => log.debug(`group offsets not told: ${error.message}`)),
    });
    const face = await serveFace({
      service: "ingest",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: (): IngestStatus => ({ ...progress.status(), upkeep: upkeep.running }),
      live: () => progress.healthy(RED_AFTER_MS),
    });
    const { assigned, rebalancing, fetched } = pipeline;
    const consumption = await kafka.consume({ topic, group, fetchBytes, beside, assigned, rebalancing, fetched });
    const watching = watch({ bounds, paused: pipeline.paused, progress, recheck: pipeline.recheck, log });
    await Promise.race([until.stopped, pipeline.ended, pipeline.failed, consumption.failed]);

    progress.draining();
    watching.stop();
    await Promise.all([pipeline.drain(DRAIN_MS), upkeep.stop()]);
    await kafka.close();
    await pipeline.close();
    await face.close();
    log.info({ ...progress.status(), usage: usage() }, "stopped");
  },
});
