// A run over the data that was named: without end over a table, or so many epochs over a table or a dataset. Between
// main.ts and the two drivers.
import { corpusOfDataset, corpusOfTable } from "../../../shared/corpus/corpus.ts";
import { openPinnedEvents } from "../../../shared/corpus/events.ts";
import { sleep } from "../../../shared/runtime/lifecycle.ts";
import type { Along } from "../../../shared/runtime/working.ts";
import type { Peer } from "../admission/peers.ts";
import type { Beginning } from "../beginning.ts";
import type { Config } from "../options.ts";
import type { Origin } from "../saving/persistence.ts";
import { trainContinuously } from "./continuous.ts";
import { type Tools, trainEpochs } from "./epochs.ts";
import type { Local } from "./run.ts";

interface Given extends Tools {
  readonly config: Config;
  readonly beginning: Beginning;
  readonly origin: Origin | undefined;
  /** Those that there are at the moment. */
  trainers(): readonly Pick<Peer, "resident">[];
}

/** True when all epochs that were asked for are done; false when the process drains. */
export async function train({ config, beginning, origin, trainers, ...tools }: Given): Promise<boolean> {
  const { progress } = tools;
  const begin: Beginning["begin"] = (...data) => {
    const resumed = beginning.begin(...data);
    progress.run = resumed.run;
    if (config.sync === "local") resumed.run.local = localOf(config, trainers, tools.until.signal);
    return resumed;
  };
  const { epochs, salt, minUsersPerItem: minUsers } = config;
  if (epochs === undefined) {
    const events = await openPinnedEvents(config.table!, salt, { minUsers, most: config.maxUsers });
    await trainContinuously({ ...config, origin, begin }, events, tools);
    return false;
  }
  const pinned = origin?.manifest.tableVersion ?? undefined;
  const reading = (along: Along) =>
    config.data
      ? corpusOfDataset(config.data, tools.until.signal, along)
      : corpusOfTable(config.table!, salt, minUsers, pinned, along);
  const corpus = await progress.during("reading the data", reading, tools.log);
  beginning.mustSuit(corpus);
  const resumed = begin(
    corpus.vocabulary.length,
    undefined,
    corpus.users.reduce((last, user) => Math.max(last, user), -1) + 1,
  );
  const { tableVersion, watermark } = corpus;
  Object.assign(progress, { state: "training", users: corpus.users.length, tableVersion, watermark });
  await trainEpochs({ ...config, epochs }, resumed, corpus, tools);
  return true;
}

/** How often it is looked whether a trainer has come. */
const POLL_MS = 50;

function localOf({ every }: Pick<Config, "every">, trainers: Given["trainers"], signal: AbortSignal): Local {
  // Whoever has a replica loses Adam's moments where its steps are computed another way: that is never gone back to.
  let beside = false;
  return {
    every,
    costs: {},
    trainers: () => trainers().length,
    async runsBeside() {
      while (!beside && trainers().length === 0) await sleep(POLL_MS, signal);
      signal.throwIfAborted();
      beside ||= trainers().every(({ resident }) => resident);
      return beside;
    },
    now: () => performance.now() / 1000,
  };
}
