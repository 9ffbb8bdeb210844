// The parameter server: owns the weights, leases parts of each step to trainers, applies their sum. Continuous over a table, or --epochs over a table or a dataset.
import { availableParallelism } from "node:os";
import { z } from "zod";
import { lock } from "../../shared/checkpoints/run-lock.ts";
import { corpusOfDataset, corpusOfTable } from "../../shared/corpus/corpus.ts";
import { openPinnedEvents } from "../../shared/corpus/events.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { MOST_NAMES } from "../../shared/events/new-items.ts";
import { serveFace } from "../../shared/http/http.ts";
import { readTokens } from "../../shared/http/token.ts";
import { canGrow } from "../../shared/neural/recipe.ts";
import { duration } from "../../shared/runtime/amount.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { folder } from "../../shared/runtime/location.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { memoryLimit } from "../../shared/runtime/memory.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { neural, systemFlag } from "../../shared/systems/systems.ts";
import { Exchange } from "../../shared/training/exchange.ts";
import { consistent, knobs, modelOf, saving, scheduleOf, vocabulary, wireOf } from "../../shared/training/knobs.ts";
import { largestAnswer } from "./scheduler/contributions.ts";
import { openScheduler } from "./scheduler/scheduler.ts";
import { listenAddress } from "./admission/address.ts";
import { readCertificate } from "./admission/certificate.ts";
import { SMALL_MESSAGE } from "./admission/limits.ts";
import { listenForPeers, type Peers } from "./admission/peers.ts";
import { mustFitMemory } from "./needs.ts";
import { Progress } from "./progress.ts";
import { trainContinuously } from "./run/continuous.ts";
import { trainEpochs } from "./run/epochs.ts";
import { openCheckpointWriter } from "./saving/checkpoint-writer.ts";
import { openCheckpointing } from "./saving/checkpointing.ts";
import { latestCheckpoint, mustFit, type Numbered, originOf, resumeOrBegin } from "./saving/persistence.ts";
import { mustHoldOut, openStart } from "./saving/start.ts";

const options = z.object({
  model: systemFlag(neural)
    .default("recvae")
    .describe(`the system that is trained: ${neural.join(", ")}`),
  data: folder().optional().describe("dataset directory of Liang et al."),
  table: folder().optional().describe("directory of the tables events and items"),
  out: folder().describe("where checkpoints and the model go; a run found there is resumed"),
  listen: z.string().default("127.0.0.1:7070").describe("HOST:PORT for trainers; port 0 takes any"),
  epochs: z.coerce.number().int().min(1).optional().describe("end after so many outer epochs (default: train on as events arrive)"),
  patience: z.coerce.number().int().min(1).optional().describe("with --epochs: end after so many without a better validation"),
  timeLimit: duration("365d")
    .optional()
    .describe("with --epochs: end before an epoch that would go beyond so long, such as 30m; one is always done"),
  usersPerRound: z.coerce.number().int().min(1).default(5_000).describe("without --epochs: most users of a round"),
  maxUsers: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(MOST_NAMES)
    .default(MOST_NAMES)
    .describe(
      "without --epochs: users that there is room for, and items; about 200 bytes of memory each. Events of later ones are left out",
    ),
  salt: z.string().default("tributary").describe("with --table: decides which users are held out"),
  threads: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(Math.min(4, availableParallelism()))
    .describe("threads of the server's own arithmetic; their number changes no bit"),
  sharedMemory: z.boolean().default(true).describe("trainers of this machine exchange tensors through /dev/shm"),
  tokenFile: z
    .string()
    .optional()
    .describe("file of lines `ROLE TOKEN` (trainer, evaluator, reader), or of one trainers' token; needed to listen beyond loopback"),
  tlsCert: z.string().optional().describe("PEM file with the certificate of --listen, which speaks TLS then (wss://)"),
  tlsKey: z.string().optional().describe("PEM file with its private key"),
  dataDir: folder().default(".tributary").describe("where running processes register"),
  httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe("port of /status and /metrics, 0 for any"),
  ...saving,
  ...vocabulary,
  ...knobs,
});

export const command = defineCommand({
  name: "server",
  summary: "the parameter server: owns the weights, leases parts of each step to trainers",
  options: options.superRefine(consistent),
  async run(config, until) {
    if ((config.data === undefined) === (config.table === undefined))
      throw new AppError("USAGE", { what: "give either --data or --table" });
    if (config.data !== undefined && config.epochs === undefined) throw new AppError("USAGE", { what: "--data needs --epochs" });
    if (config.epochs === undefined && !canGrow(modelOf(config, 1, 1)))
      throw new AppError("USAGE", {
        what: `${config.model} as it is to be trained has no way to take up new items and users: give --epochs`,
      });
    if (config.from !== undefined && config.epochs === undefined) throw new AppError("USAGE", { what: "--from needs --epochs" });
    const log = createLog("server", { run: pathsOf(config.dataDir).root });
    const metrics = createMetrics("server");
    const tokens = readTokens(config.tokenFile);
    const certificate = readCertificate(config);
    const address = listenAddress(config.listen, tokens !== undefined);
    if (!certificate && !address.isLoopback)
      log.warn("whoever is on the way can read the token and the weights, and change them: give --tls-cert and --tls-key");
    const { claim } = await lock(config.out, until.signal);
    let start = config.from === undefined ? undefined : await openStart(config.from);
    const network = start?.network;
    const progress = new Progress(metrics);
    const patience = openPatience(log, until.signal);

    let peers: Peers | undefined;
    const exchange = config.sharedMemory ? Exchange.open() : undefined;
    const scheduler = openScheduler(() => peers!, { log, metrics, exchange });
    const largest = () => {
      const model = progress.run?.optimizer.config ?? modelOf(config, 1, 0, network);
      return config.sync === "exact"
        ? largestAnswer(model, config.partSize)
        : largestAnswer(model, config.every * Math.max(scheduleOf(config).batchSize, config.partSize), model.items);
    };
    const limit = (trainer: string) => (scheduler.awaits(trainer) ? largest() : SMALL_MESSAGE);
    const status = () => ({ ...progress.status(peers!, scheduler), epochsWanted: config.epochs ?? null, heldUp: patience.waiting });
    peers = await listenForPeers({ ...address, certificate, tokens, pages: { status, metrics }, exchange, limit }, scheduler.handlers, {
      seed: config.seed,
      wire: wireOf(config),
    });
    metrics.onScrape(() => progress.measure(peers!, scheduler));
    const face = await serveFace({ service: "server", runDir: pathsOf(config.dataDir).run, port: config.httpPort, metrics, status });
    log.info({ listen: peers.url, http: face.url }, "ready");

    let found = await latestCheckpoint(config.out, log);
    const origin = found && originOf(found);
    if (origin) {
      const { step, round, createdAt } = origin.manifest;
      progress.checkpoint = { step, round, at: createdAt, seconds: null, lastError: null };
      log.info({ checkpoint: origin.dir, round }, "going on from a checkpoint");
    }
    const begin = (items: number, users?: Numbered, trainUsers?: number) => {
      // A run that is gone on with had room, and has most of it already.
      if (!found) mustFitMemory(config.model, modelOf(config, items, trainUsers, network), process.memoryUsage.rss(), memoryLimit());
      const resumed = resumeOrBegin(found, { ...config, start }, items, users, trainUsers);
      found = start = undefined; // as large as the run, which has taken them over
      progress.run = resumed.run;
      if (config.sync === "local") resumed.run.local = { every: config.every, trainers: () => peers.list().length };
      return resumed;
    };
    const writer = openCheckpointWriter({ out: config.out, kept: config.checkpointsKept, claim });
    const checkpointing = openCheckpointing({
      seconds: config.checkpointSeconds,
      from: origin?.manifest,
      write: writer.write,
      now: () => performance.now() / 1000,
      told: (outcome) => {
        progress.checkpointed(outcome);
        if (outcome.error !== undefined) log.error({ step: outcome.step, err: outcome.error }, "a checkpoint could not be written");
      },
    });
    const tools = { runStep: progress.watch(peers, scheduler, until.signal), progress, checkpointing, patience, log, until };
    let finished = false;
    try {
      if (config.epochs === undefined) {
        await trainContinuously(
          { ...config, origin, begin },
          await openPinnedEvents(config.table!, config.salt, { minUsers: config.minUsersPerItem, most: config.maxUsers }),
          tools,
        );
      } else {
        const pinned = origin?.manifest.tableVersion ?? undefined;
        const corpus = config.data
          ? corpusOfDataset(config.data)
          : await corpusOfTable(config.table!, config.salt, config.minUsersPerItem, pinned);
        for (const other of [origin, start]) if (other) mustFit(other, corpus.vocabulary, "equal");
        if (start) mustHoldOut(start, corpus);
        const resumed = begin(corpus.vocabulary.length, undefined, corpus.users.reduce((last, user) => Math.max(last, user), -1) + 1);
        Object.assign(progress, {
          state: "training",
          users: corpus.users.length,
          tableVersion: corpus.tableVersion,
          watermark: corpus.watermark,
        });
        await trainEpochs({ ...config, epochs: config.epochs }, resumed, corpus, { ...tools, scheduler: scheduler.status });
        finished = true;
      }
    } catch (error) {
      if (error !== until.signal.reason) throw error;
    } finally {
      progress.state = "draining";
      scheduler.close();
      await writer.close();
      await Promise.all([peers.close(finished), face.close()]);
      exchange?.close();
    }
  },
});
