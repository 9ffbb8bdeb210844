// The parameter server: owns the weights, leases parts of each step to trainers, applies their sum. See options.ts.
import { lock } from "../../shared/checkpoints/run-lock.ts";
import { serveFace } from "../../shared/http/http.ts";
import { readTokens } from "../../shared/http/token.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { Exchange } from "../../shared/training/exchange.ts";
import { recipeIn, wireOf } from "../../shared/training/knobs.ts";
import { listenAddress } from "./admission/address.ts";
import { readCertificate } from "./admission/certificate.ts";
import { listenForPeers, type Peers } from "./admission/peers.ts";
import { openBeginning } from "./beginning.ts";
import { messageLimit } from "./message-limit.ts";
import { mustGoTogether, options } from "./options.ts";
import { Progress } from "./progress.ts";
import { train } from "./run/training.ts";
import { openSaving } from "./saving/saving.ts";
import { openScheduler } from "./scheduler/scheduler.ts";

const IN_THE_CLEAR =
  "whoever is on the way can read the token and the weights, and change them: give --tls-cert and --tls-key";

export const command = defineCommand({
  name: "server",
  summary: "The parameter server: owns the weights, leases parts of each step to trainers",
  options,
  async run(config, until) {
    mustGoTogether(config);
    const paths = pathsOf(config.dataDir);
    const log = createLog("server", { run: paths.root });
    const metrics = createMetrics("server");
    const tokens = readTokens(config.tokenFile);
    const certificate = readCertificate(config);
    const address = listenAddress(config.listen, tokens !== undefined);
    if (!certificate && !address.isLoopback) log.warn(IN_THE_CLEAR);
    const { claim } = await lock(config.out, until.signal);
    const beginning = await openBeginning(config, log);
    const progress = new Progress(metrics);
    const patience = openPatience(log, until.signal);
    let peers: Peers | undefined;
    const exchange = config.sharedMemory ? Exchange.open() : undefined;
    const scheduler = openScheduler(() => peers!, { log, metrics, exchange });
    const recipeOf = () => progress.run?.store.config ?? recipeIn(config, 1, 0, beginning.network);
    const limit = messageLimit(config, { model: recipeOf, users: () => progress.users }, scheduler.awaits);
    const also = () => ({ epochsWanted: config.epochs ?? null, heldUp: patience.waiting });
    const status = () => progress.status(peers!, scheduler, also());
    const listening = { ...address, certificate, tokens, pages: { status, metrics }, exchange, limit };
    peers = await listenForPeers(listening, scheduler.handlers, { seed: config.seed, wire: wireOf(config) });
    const trainers = () => peers.list();
    metrics.onScrape(() => progress.measure(peers, scheduler));
    const face = await serveFace({ service: "server", runDir: paths.run, port: config.httpPort, metrics, status });
    log.info({ listen: peers.url, http: face.url }, "ready");

    const origin = await beginning.find();
    if (origin) {
      progress.goesOnFrom(origin.manifest);
      log.info({ checkpoint: origin.dir, round: origin.manifest.round }, "going on from a checkpoint");
    }
    const { checkpointsKept: kept, checkpointSeconds: seconds } = config;
    const target = { out: config.out, kept, claim, seconds, from: origin?.manifest };
    const saving = openSaving(target, (outcome) => progress.checkpointed(outcome), log);
    const runStep = progress.watch(peers, scheduler, until.signal);
    const tools = { runStep, progress, checkpointing: saving.checkpointing, patience, log, until, trainers };
    let finished = false;
    try {
      finished = await train({ config, beginning, origin, scheduler: scheduler.status, ...tools });
    } catch (error) {
      if (error !== until.signal.reason) throw error;
    } finally {
      progress.state = "draining";
      scheduler.close();
      await saving.close();
      await Promise.all([peers.close(finished), face.close()]);
      exchange?.close();
    }
  },
});
