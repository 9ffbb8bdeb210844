// Takes the newest checkpoint, brings the held-out users to its table version, has it judged, and publishes or refuses it. The adapter between files and judge.ts.
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Histories } from "../../shared/events/histories.ts";
import { type Follower, followTable } from "../../shared/table/follow.ts";
import type { Engine } from "../../shared/engine/engine.ts";
import { listCheckpoints, newestOfRounds } from "../../shared/checkpoint/checkpoints.ts";
import { AppError, type ErrorCode } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { prune, publish } from "../../shared/checkpoint/models.ts";
import { currentVersion, pinnedVersion } from "../../shared/checkpoint/pointer.ts";
import { openModel, type OpenModel } from "../../shared/checkpoint/scoring.ts";
import { judge, type Measured } from "./judge.ts";
import { type EvaluationLine, openJournal } from "./journal.ts";
import { type Published, readPublished } from "./published.ts";

export interface Places {
  readonly checkpoints: string;
  readonly table: string;
  readonly models: string;
  readonly evaluations: string;
}

export interface Rules {
  readonly tolerance: number;
  readonly maxUsers: number;
}

export interface Evaluator {
  readonly state: "waiting for checkpoints" | "evaluating" | "idle";
  readonly evaluations: readonly EvaluationLine[];
  /** What `current` names; `models rollback` moves it too. */
  readonly published: Published | null;
  /** The version that publication is pinned to. */
  readonly pinned: string | null;
  /** Judges the newest checkpoint of a round's end, unless it was judged already; those in between are skipped. Undefined when there was nothing to do. */
  look(signal: AbortSignal): Promise<EvaluationLine | undefined>;
}

export async function openEvaluator(engine: Engine, places: Places, rules: Rules, log: Log): Promise<Evaluator> {
  const journal = await openJournal(places.evaluations);
  let state: Evaluator["state"] = "waiting for checkpoints";
  let published = await readPublished(places.models);
  let pinned = await pinnedVersion(places.models);
  let users: { salt: string; histories: Histories; follower: Follower } | undefined;
  let incumbent: (OpenModel & { version: string }) | null = null;

  async function historiesAt(salt: string, version: number): Promise<Histories> {
    if (users?.salt !== salt) {
      const histories = new Histories(salt);
      users = { salt, histories, follower: followTable(places.table, histories) };
    }
    await users.follower.catchUp(version);
    return users.histories;
  }

  /** The published model, opened once; a torn one counts as none, so that it cannot stand in the way of its successor. */
  async function openIncumbent(version: string | null): Promise<typeof incumbent> {
    if (version === incumbent?.version) return incumbent;
    incumbent?.dispose();
    incumbent = null;
    if (version === null) return null;
    try {
      incumbent = { ...(await openModel(engine, join(places.models, version))), version };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ version, err: error.message }, "the published model cannot be read");
    }
    return incumbent;
  }

  /** Undefined when `current` was moved or pinned meanwhile: then it is to be judged again, beside the model that is in use now. */
  async function evaluated(dir: string, signal: AbortSignal): Promise<Omit<EvaluationLine, "at" | "seconds" | "checkpoint"> | undefined> {
    const candidate = await openModel(engine, dir);
    try {
      const { manifest } = candidate;
      const about = { round: manifest.round, step: manifest.step, tableVersion: manifest.tableVersion };
      if (manifest.tableVersion === null) return { ...about, ...nothing, outcome: "refused", reason: "it was not trained from a table" };
      const histories = await historiesAt(manifest.salt, manifest.tableVersion);
      const over = await currentVersion(places.models);
      const measured = await judge(candidate, await openIncumbent(over), histories, { ...rules, salt: manifest.salt }, signal);
      const { refusal: reason, ...figures } = measured;
      if (reason !== null) return { ...about, ...figures, outcome: "refused", reason, version: null };
      pinned = await pinnedVersion(places.models);
      if (pinned !== null) return { ...about, ...figures, outcome: "held", reason: `pinned to ${pinned}`, version: null };
      const version = await publish(places.models, dir, recordOf(candidate, measured), over);
      if (version === null) return undefined;
      await prune(places.models);
      published = await readPublished(places.models);
      return { ...about, ...figures, outcome: "published", reason: null, version };
    } finally {
      candidate.dispose();
    }
  }

  function recordOf({ manifest }: OpenModel, { model, popularity, users }: Measured) {
    const { round, step, watermark, salt, tableVersion } = manifest;
    const engineName = `${engine.name} ${engine.version}`;
    const split = "users by hash: 80 % train, 10 % validation, 10 % test; one item in five of a held-out user is the target";
    const contract = {
      part: "validation",
      split,
      salt,
      masking: "fold-in",
      k: [20, 50, 100],
      users,
      maxUsers: rules.maxUsers,
      tableVersion,
      step,
      engine: engineName,
    };
    return { at: Date.now(), round, step, watermark, metrics: model, popularity, contract };
  }

  return {
    get state() {
      return state;
    },
    get evaluations() {
      return journal.recent;
    },
    get published() {
      return published;
    },
    get pinned() {
      return pinned;
    },
    async look(signal) {
      if ((await currentVersion(places.models)) !== (published?.version ?? null)) published = await readPublished(places.models);
      pinned = await pinnedVersion(places.models);
      const dir = await newestOfRounds(await listCheckpoints(places.checkpoints));
      const checkpoint = dir && (await identity(dir));
      if (!checkpoint || isSettled(journal.recent.at(-1), checkpoint, pinned)) return undefined;
      const at = Date.now();
      state = "evaluating";
      try {
        const result = await evaluated(dir, signal).catch((error) => {
          if (error instanceof AppError && unusable.includes(error.code))
            return { ...unread, reason: `it cannot be used: ${error.facts.what}` };
          throw error;
        });
        if (!result) return undefined;
        const line: EvaluationLine = { at, seconds: (Date.now() - at) / 1000, checkpoint, ...result };
        await journal.append(line);
        return line;
      } finally {
        state = "idle";
      }
    },
  };
}

const nothing = { users: 0, model: null, popularity: null, incumbent: null, version: null } as const;
/** The checkpoint's fault, or that of its age: the next one may be well. */
const unusable: readonly ErrorCode[] = ["CHECKPOINT_CORRUPT", "VERSION_GONE"];
const unread = { ...nothing, round: null, step: null, tableVersion: null, outcome: "refused" } as const;

/** It has its verdict. What was only held back is judged again once nothing is pinned. */
const isSettled = (last: EvaluationLine | undefined, checkpoint: string, pinned: string | null): boolean =>
  last?.checkpoint === checkpoint && (last.outcome !== "held" || pinned !== null);

/** A checkpoint's folder and when it was made; undefined when it has gone meanwhile. */
async function identity(dir: string): Promise<string | undefined> {
  try {
    return `${basename(dir)}@${Math.round((await stat(dir)).mtimeMs)}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
