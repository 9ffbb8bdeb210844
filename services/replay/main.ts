// replay: a file, or the synthetic stream, into Kafka. Wiring only.
import { z } from "zod";
import { parseMap } from "../../shared/events/columns.ts";
import { resolveBrokers } from "../../shared/kafka/broker.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { serveFace } from "../../shared/runtime/http.ts";
import { type Kafka, openKafka } from "../../shared/kafka/client.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { folder } from "../../shared/runtime/location.ts";
import { isParquet } from "../../shared/table/parquet-file.ts";
import { csvSource } from "./csv.ts";
import { parquetSource } from "./parquet.ts";
import { type PositionFile, positionFile } from "./position.ts";
import { showProgress } from "./progress.ts";
import { sendAll } from "./send.ts";
import type { Source } from "./source.ts";
import { syntheticSource } from "./synthetic.ts";

const TOPIC_PARTITIONS = 4;

const options = z.object({
  file: z.string().describe("a CSV file, gzip or not, or a Parquet file; or the word synthetic: a made-up stream that never ends"),
  topic: z.string().min(1).default("interactions").describe("where to; created with 4 partitions where missing"),
  rate: z.coerce
    .number()
    .nonnegative()
    .optional()
    .describe("events a second. A file: as fast as it goes. synthetic: 200 after its history, 0 ends there"),
  map: z.string().default("").describe("columns: user=userId,item=movieId,timestamp=timestamp,value=rating; what is left out is guessed"),
  timestampUnit: z.enum(["s", "ms"]).optional().describe("unit of the time; otherwise by the column's name, then by its size"),
  seed: z.coerce.number().int().nonnegative().default(1337).describe("synthetic: which stream"),
  history: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(150_000)
    .describe("synthetic: events sent at once, with times of the last 24 hours"),
  dataDir: folder()
    .default(".tributary")
    .describe("holds the position: a stopped replay goes on from there; a killed one sends its last 4,000 events at most twice"),
  httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe("for /status and /metrics; 0 takes any free one"),
});
type Config = z.output<typeof options>;

export const command = defineCommand({
  name: "replay",
  summary: "Send a file of events, or the synthetic stream, to Kafka",
  positionals: ["file"],
  options,
  run: async (config, until) => {
    const paths = pathsOf(config.dataDir);
    const log = createLog("replay", { run: paths.root });
    const opened = await openSource(config, paths.replay, log);
    const kafka = await openKafka(await resolveBrokers(config.dataDir, process.env), log);
    await kafka.ensureTopic(config.topic, TOPIC_PARTITIONS);
    const { source, position, from } = (await stillThere(kafka, config.topic, opened.from, log))
      ? opened
      : await openSource(config, paths.replay, log, true);

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
      status: () => ({
        service: "replay",
        source: source.name,
        produced: status.at,
        total: status.done ? status.at : source.total,
        ratePerSecond: progress.ratePerSecond,
        done: status.done,
      }),
    });
    const sent = (events: number, at: number) => {
      produced.inc(events);
      status.at = at;
      progress.add(events, source.fraction(at));
    };
    const rate = config.rate ?? (synthetic ? 200 : 0);
    await sendAll(source, kafka, position, { topic: config.topic, rate: rate === 0 ? null : rate, from, sent }, until);
    status.done = !until.signal.aborted;
    progress.end();
    log.info({ produced: progress.produced, skipped: source.skipped, position: status.at }, status.done ? "done" : "stopped");
    await kafka.close();
    await face.close();
  },
});

interface Opened {
  readonly source: Source;
  readonly position: PositionFile;
  readonly from: number;
}

async function openSource(config: Config, folder: string, log: Log, anew = false): Promise<Opened> {
  const place = (identity: string) => {
    const position = positionFile(folder, `${identity} to ${config.topic}`);
    return { position, found: anew ? null : position.found };
  };
  if (config.file !== "synthetic") {
    const open = (await isParquet(config.file)) ? parquetSource : csvSource;
    const source = await open(config.file, {
      map: parseMap(config.map),
      unit: config.timestampUnit ?? null,
      say: (text) => log.warn(text),
    });
    const { position, found } = place(source.identity);
    return { source, position, from: found?.position ?? 0 };
  }
  const open = (startedAt: number) => syntheticSource(config.seed, config.history, startedAt, config.rate !== 0);
  const { position, found } = place(open(0).identity);
  return { source: open(found?.memory.startedAt ?? Date.now()), position, from: found?.position ?? 0 };
}

/** False when the topic is empty although something was sent: it is another one than the position is about. */
async function stillThere(kafka: Kafka, topic: string, from: number, log: Log): Promise<boolean> {
  if (from === 0) return true;
  const there = (await kafka.endOffsets(topic)).some(({ end }) => end > 0);
  if (there) log.info({ from }, "going on where the last replay stopped");
  else log.warn({ from }, "the topic is new: starting from the beginning");
  return there;
}
