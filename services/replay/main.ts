// replay: a file, or the synthetic stream, into Kafka. Wiring only.
import { z } from "zod";
import { fileFlags, formatOf } from "../../shared/files/flags.ts";
import { serveFace } from "../../shared/http/http.ts";
import { resolveBrokers } from "../../shared/kafka/broker.ts";
import { type Kafka, openKafka } from "../../shared/kafka/client.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { folder } from "../../shared/runtime/location.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { type FileSource, fileSource } from "./file.ts";
import { type PositionFile, patiently, positionFile, wasSentBefore } from "./position.ts";
import { showProgress } from "./progress.ts";
import { sendAll } from "./send.ts";
import type { Source } from "./source.ts";
import { syntheticSource } from "./synthetic.ts";

const TOPIC_PARTITIONS = 4;

const options = z.object({
  file: z
    .string()
    .describe("CSV, JSON or Parquet, packed or not; - is standard input; or the word synthetic: a made-up stream that never ends"),
  topic: z.string().min(1).default("interactions").describe("where to; created with 4 partitions where missing"),
  rate: z.coerce
    .number()
    .nonnegative()
    .optional()
    .describe("events a second. A file: as fast as it goes. synthetic: 200 after its history, 0 ends there"),
  ...fileFlags,
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
    const patience = openPatience(log, until.signal);
    const opened = await openSource(config, paths.replay, log);
    const find = () => resolveBrokers(config.dataDir, process.env);
    const kafka = await openKafka(await find(), log, process.env.KAFKA_BROKERS ? undefined : find);
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
      status: () => ({
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
    const rate = config.rate ?? (synthetic ? 200 : 0);
    const kept = position && patiently(position, patience);
    await sendAll(source, kafka, kept, { topic: config.topic, rate: rate === 0 ? null : rate, from, sent }, until);
    status.done = !until.signal.aborted;
    progress.end();
    const read = progress.produced + source.skipped;
    log.info({ read, produced: progress.produced, skipped: source.skipped, position: status.at }, status.done ? "done" : "stopped");
    await kafka.close();
    await face.close();
    file?.close();
    if (status.done) file?.conclude(from, progress.produced);
  },
});

interface Opened {
  readonly source: Source;
  /** The same from its beginning. */
  anew(): Source;
  /** The source, where it is a file. */
  readonly file?: FileSource;
  /** Null where a replay that stops cannot be gone on with. */
  readonly position: PositionFile | null;
  readonly from: number;
}

async function openSource(config: Config, folder: string, log: Log): Promise<Opened> {
  const place = (identity: string) => positionFile(folder, `${identity} to ${config.topic}`);
  if (config.file !== "synthetic") {
    const file = await fileSource(config.file, formatOf(config), {
      isStrict: config.onBadRow === "fail",
      say: (text) => log.warn(text),
    });
    const position = file.identity === null ? null : place(file.identity);
    if (position?.found === null && wasSentBefore(folder, file.identity!, config.topic))
      log.warn("a release before this one sent from this file, and its position cannot be gone on with: all of the file is sent");
    return { source: file, file, position, from: await file.goesOnFrom(position?.found ?? null), anew: file.anew };
  }
  const open = (startedAt: number) => syntheticSource(config.seed, config.history, startedAt, config.rate !== 0);
  const position = place(open(0).identity!);
  const { found } = position;
  return { source: open(found?.memory.startedAt ?? Date.now()), position, from: found?.position ?? 0, anew: () => open(Date.now()) };
}

/** False when the topic is empty although something was sent: it is another one than the position is about. */
async function stillThere(kafka: Kafka, topic: string, from: number, log: Log): Promise<boolean> {
  if (from === 0) return true;
  const there = (await kafka.endOffsets(topic)).some(({ end }) => end > 0);
  if (there) log.info({ from }, "going on where the last replay stopped");
  else log.warn({ from }, "the topic is new: starting from the beginning");
  return there;
}
