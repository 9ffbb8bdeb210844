// replay: a file, or the synthetic stream, into Kafka. Wiring only.
import type { ReplayStatus } from "../../shared/health/status/replay.ts";
import { serveFace } from "../../shared/http/http.ts";
import { openNearest } from "../../shared/kafka/nearest.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { usage } from "../../shared/runtime/usage.ts";
import { openSource, stillThere } from "./opening.ts";
import { options } from "./options.ts";
import { patiently } from "./position.ts";
import { showProgress } from "./progress.ts";
import { sendAll } from "./send.ts";

const TOPIC_PARTITIONS = 4;

export const command = defineCommand({
  name: "replay",
  summary: "Send a file of events, or the synthetic stream, to Kafka",
  positionals: ["file"],
  options,
  run: async (config, until) => {
    const paths = pathsOf(config.dataDir);
    const log = createLog("replay", { run: paths.root });
    const patience = openPatience(log, until.signal);
    const opened = await openSource(config, paths.replay, log);
    const kafka = await openNearest({ ...config, signal: until.signal }, log);
    await kafka.ensureTopic(config.topic, TOPIC_PARTITIONS);
    const { file, position } = opened;
    const isThere = await stillThere(kafka, config.topic, opened.from, log);
    const [source, from] = isThere ? [opened.source, opened.from] : [opened.anew(), 0];

    const synthetic = config.file === "synthetic";
    const metrics = createMetrics("replay");
    const produced = metrics.counter("tributary_events_produced_total");
    const progress = showProgress(synthetic ? "synthetic" : config.file, log);
    const status = { at: from, done: false };
    const face = await serveFace({
      service: "replay",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: (): ReplayStatus => ({
        service: "replay",
        source: source.name,
        produced: status.at,
        total: status.done ? status.at : source.total,
        ratePerSecond: progress.ratePerSecond,
        done: status.done,
        heldUp: patience.waiting,
      }),
    });
    const sent = (events: number, at: number) => {
      produced.inc(events);
      status.at = at;
      progress.add(events, source.fraction(at));
    };
    const rate = config.rate ?? (synthetic && !config.preset ? 200 : 0);
    const kept = position && patiently(position, patience);
    const startedAt = performance.now();
    await sendAll(source, kafka, kept, { topic: config.topic, rate: rate === 0 ? null : rate, from, sent }, until);
    const seconds = (performance.now() - startedAt) / 1000;
    status.done = !until.signal.aborted;
    progress.end();
    const read = progress.produced + source.skipped;
    log.info(
      { read, produced: progress.produced, skipped: source.skipped, position: status.at, seconds, usage: usage() },
      status.done ? "done" : "stopped",
    );
    await kafka.close();
    await face.close();
    file?.close();
    if (status.done) file?.conclude(from, progress.produced);
  },
});
