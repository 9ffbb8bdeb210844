// ingest: Kafka into the Delta table, every offset exactly once. Wiring only.
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import { serveFace } from "../../shared/http/http.ts";
import { openNearest } from "../../shared/kafka/nearest.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { usage } from "../../shared/runtime/usage.ts";
import { openConsuming } from "./consuming.ts";
import { options } from "./options.ts";
import { openPipeline } from "./pipeline.ts";
import { createProgress } from "./progress.ts";
import { lookAt, printAt } from "./seen.ts";
import { settingsOf } from "./settings.ts";
import { createUpkeep } from "./upkeep.ts";
import { watch } from "./watch.ts";

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
    const { pipeline: settings, ...reading } = settingsOf(config, paths);
    const kafka = await openNearest({ ...config, signal: until.signal }, log);
    const metrics = createMetrics("ingest");
    const progress = createProgress(metrics);
    const look = (topic: string) => lookAt(kafka, topic);
    const { tableDir, deadLettersDir } = settings;
    const upkeep = createUpkeep(
      { tableDir, deadLettersDir, dataDir: paths.root, retentionMs: config.retention },
      metrics,
      log,
    );

    const pipeline = await openPipeline({
      ...settings,
      ...{ signal: until.signal, look },
      printAt: (topic, partition, offset) => printAt(kafka, topic, partition, offset),
      hear: (news, topic) => {
        progress.hear(news, topic);
        // Of all that write into the table the one that reads partition 0 cares for it.
        if (news.type === "wrote" && config.upkeep && !untilEnd)
          upkeep.look(news.table.compactionDue, progress.positionsOf(topic).has(0));
      },
      reassign: (topic) => consuming.reassign(topic),
      committed: (next, topic) => consuming.commit(topic, next),
    });
    const face = await serveFace({
      service: "ingest",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: (): IngestStatus => ({ ...progress.status(), upkeep: upkeep.running }),
      live: () => progress.healthy(RED_AFTER_MS),
    });
    const consuming = openConsuming({ kafka, pipeline, look, log, ...reading });
    const isAny = await consuming.begin(topic, untilEnd);
    const watching = watch({ topics: consuming.topics, look, progress, log });
    const ended = untilEnd && !isAny ? undefined : pipeline.ended;
    await Promise.race([until.stopped, ended, pipeline.failed, consuming.failed]);

    progress.draining();
    watching.stop();
    consuming.stop();
    await Promise.all([pipeline.drain(DRAIN_MS), upkeep.stop()]);
    await kafka.close();
    await pipeline.close();
    await face.close();
    log.info({ ...progress.status(), usage: usage() }, "stopped");
  },
});
