// Training without end: each round pins the newest table version, grows the model, plans users with new events first,
// and runs one outer epoch.
import type { Events } from "../../../shared/corpus/events.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import type { Log } from "../../../shared/runtime/log.ts";
import type { Patience } from "../../../shared/runtime/patience.ts";
import { type CaughtUp, catchUpOrNewest } from "../../../shared/table/follow.ts";
import { planUsers } from "../../../shared/training/plan.ts";
import type { Progress } from "../progress.ts";
import type { Checkpointing } from "../saving/checkpointing.ts";
import { contentsOf, mustFit, type Numbered, type Origin, type Resumed } from "../saving/persistence.ts";
import { nobody, numberingOf } from "./numbering.ts";
import { trainOuterEpoch } from "./outer-epoch.ts";
import { openRoundSize } from "./round-size.ts";
import type { RunStep } from "./run.ts";

interface Wanted {
  /** See round-size.ts. */
  readonly usersPerRound: number;
  readonly roundSeconds?: number | undefined;
  readonly salt: string;
  /** What the run goes on from, if anything. */
  readonly origin: Origin | undefined;
  begin(items: number, users: Numbered): Resumed;
}

const POLL_MS = 1_000;
const FEWEST_USERS = 50;
const FEWEST_EVENTS = 1_000;
/** How often each user, or as many as a round may hold, is trained without a new event until that is enough. */
const PASSES_UNTIL_IDLE = 30;

interface Tools {
  readonly runStep: RunStep;
  readonly progress: Progress;
  readonly checkpointing: Checkpointing;
  readonly patience: Patience;
  readonly until: Until;
  readonly log: Log;
}

/**
 * Every completed round becomes a checkpoint. Returns when the process drains: a round that is under way goes on from
 * there at the next start.
 */
export async function trainContinuously(wanted: Wanted, events: Events, tools: Tools): Promise<void> {
  const { salt, origin, begin } = wanted;
  const { runStep, progress, checkpointing, patience, until, log } = tools;
  const { histories } = events;
  let pinned = await firstVersion(events, origin, tools);
  if (!pinned) return;
  const resumed = begin(histories.vocabulary.items.length, { names: histories.users, version: pinned.version });
  const { run } = resumed;
  if (!origin) run.store.startFromPopularity(histories.popularity());
  const size = openRoundSize({ ...wanted, batchSize: run.schedule.batchSize });
  const planned = new PlannedAt(resumed.planned);
  let numbering = nobody;
  /** Users trained since the newest event came. */
  let quiet = 0;
  /** The next time at twice as many. */
  let told = { items: 0, forgotten: 0, leftOut: 0 };

  const contents = () => {
    const vocabulary = histories.vocabulary.items.slice(0, run.store.config.items);
    numbering = numberingOf(histories.users, histories.users.length, numbering);
    const { version: tableVersion, watermark } = pinned!;
    return contentsOf(run, { salt, tableVersion, watermark, vocabulary, planned: planned.versions(), numbering });
  };
  const isEnough = () =>
    quiet > PASSES_UNTIL_IDLE * Math.max(1, Math.min(wanted.usersPerRound, events.trainUsers().length));
  /** Pins the newest version, grows the model. */
  const catchUp = async () => {
    const before = histories.events;
    pinned = await patience.through("the table cannot be read", () => catchingUp(events, tools));
    progress.pinned(pinned.marks.map(({ arrival }) => arrival));
    if (histories.events > before) quiet = 0;
    if (isEnough()) return;
    const { items, forgotten } = histories.waiting;
    const { leftOut } = histories;
    progress.waiting = { items, forgotten, leftOut };
    if (items > told.items || forgotten > told.forgotten) {
      log.warn(
        { items, forgotten },
        "items of too few users wait outside of the vocabulary: a producer may be making names up " +
          "(--min-users-per-item)",
      );
      told = { ...told, items: 2 * items, forgotten: 2 * forgotten };
    }
    if (leftOut - forgotten > told.leftOut) {
      log.warn(
        { events: leftOut },
        "there is no room for more users or items (--max-users): events of new ones are left out of the training",
      );
      told.leftOut = 2 * leftOut;
    }
    await patience.through("new items cannot be written", () => events.pinVocabulary());
    run.store.grow(histories.vocabulary.items.length, histories.popularity(), run.seed);
  };
  const plan = () => {
    const { lastVersion } = histories;
    const candidates = { users: events.trainUsers(), lastVersion: lastVersion.bind(histories), plannedAt: planned.at };
    return planUsers(candidates, size.users, run.seed, run.round);
  };

  while (!until.signal.aborted) {
    const startedAt = performance.now();
    const isWhole = !run.underWay;
    if (isWhole) await catchUp();
    if (isEnough()) {
      progress.state = "idle";
      await sleep(POLL_MS, until.signal);
      continue;
    }
    progress.state = "training";
    progress.tableVersion = pinned.version;
    progress.watermark = pinned.watermark;
    const users = run.underWay?.users ?? plan();
    progress.users = users.length;
    try {
      const loss = await trainOuterEpoch(
        run,
        users,
        (user) => histories.rowOf(user, run.store.config.items),
        runStep,
        (at) => {
          progress.within(at, log);
          checkpointing.offer(contents);
        },
      );
      progress.finished(loss, run.round);
    } catch (error) {
      if (!until.signal.aborted || error instanceof AppError) throw error;
      break;
    }
    planned.mark(users, pinned.version);
    quiet += Math.max(1, users.length);
    await checkpointing.save(contents());
    if (isWhole) size.took(users.length, (performance.now() - startedAt) / 1000);
  }
  progress.state = "draining";
  await checkpointing.save(contents());
  await checkpointing.settled();
}

/**
 * The version that the run goes on from, or the first with enough in it; undefined when the process drains before.
 * Throws CHECKPOINT_MISMATCH.
 */
async function firstVersion(
  events: Events,
  origin: Origin | undefined,
  { progress, patience, until, log }: Pick<Tools, "progress" | "patience" | "until" | "log">,
): Promise<CaughtUp | undefined> {
  if (origin && origin.manifest.tableVersion !== null) {
    const { tableVersion } = origin.manifest;
    const gone = ({ message }: AppError) => log.warn(`going on from the newest version: ${message}`);
    const pinned = await progress.during(READING, (along) => catchUpOrNewest(events, tableVersion, gone, along), log);
    mustFit(origin, events.histories.vocabulary.items, "prefix");
    return pinned;
  }
  progress.state = "waiting for events";
  while (!until.signal.aborted) {
    const pinned = await patience.through("the table cannot be read", () => catchingUp(events, { progress, log }));
    if (events.trainUsers().length >= FEWEST_USERS && events.histories.events >= FEWEST_EVENTS) return pinned;
    await sleep(POLL_MS, until.signal);
  }
  return undefined;
}

const READING = "reading the table";
const catchingUp = (events: Events, { progress, log }: Pick<Tools, "progress" | "log">) =>
  progress.during(READING, (along) => events.catchUp(undefined, along), log);

/** Table version at which each user was last planned, -1 for never. */
class PlannedAt {
  #versions: Int32Array;

  constructor(versions: Int32Array) {
    this.#versions = versions;
  }

  readonly at = (user: number): number => this.#versions[user] ?? -1;

  mark(users: Uint32Array, version: number): void {
    const longest = users.reduce((longest, user) => Math.max(longest, user + 1), this.#versions.length);
    if (longest > this.#versions.length) {
      const grown = new Int32Array(Math.ceil(longest * 1.5)).fill(-1);
      grown.set(this.#versions);
      this.#versions = grown;
    }
    for (const user of users) this.#versions[user] = version;
  }

  versions(): Int32Array {
    return this.#versions;
  }
}
