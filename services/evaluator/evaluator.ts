// Takes the newest checkpoint, brings the held-out users to its table version, has it judged, and publishes or refuses it. The adapter between files and judge.ts.
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Histories } from "../../shared/events/histories.ts";
import { type Follower, followTable } from "../../shared/table/follow.ts";
import type { Engine } from "../../shared/engine/engine.ts";
import { listCheckpoints, newestOfRounds } from "../../shared/checkpoint/checkpoints.ts";
import { keepEpoch } from "../../shared/evaluations/per-user.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { currentVersion, prune, publish } from "../../shared/checkpoint/models.ts";
import { openModel, type OpenModel } from "../../shared/checkpoint/scoring.ts";
import { judge, type Measured } from "./judge.ts";
import { type EvaluationLine, openJournal } from "./journal.ts";
import { type Published, readPublished } from "./published.ts";

export interface Places {
  readonly checkpoints: string;
  readonly table: string;
  readonly models: string;
  readonly evaluations: string;
  /** Folder of every user's figures. */
  readonly perUser: string;
}

export interface Rules {
  readonly tolerance: number;
  readonly maxUsers: number;
}

export interface Evaluator {
  readonly state: "waiting for checkpoints" | "evaluating" | "idle";
  readonly evaluations: readonly EvaluationLine[];
  readonly published: Published | null;
  /** Judges the newest checkpoint of a round's end, unless it was judged already; those in between are skipped. Undefined when there was nothing to do. */
  look(signal: AbortSignal): Promise<EvaluationLine | undefined>;
}

export async function openEvaluator(engine: Engine, places: Places, rules: Rules, log: Log): Promise<Evaluator> {
  const journal = await openJournal(places.evaluations);
  let state: Evaluator["state"] = "waiting for checkpoints";
  let published = await readPublished(places.models);
  let newest = journal.recent.at(-1)?.checkpoint;
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
  async function openIncumbent(): Promise<typeof incumbent> {
    const version = await currentVersion(places.models);
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

  async function evaluated(dir: string, signal: AbortSignal): Promise<Omit<EvaluationLine, "at" | "seconds" | "checkpoint">> {
    const candidate = await openModel(engine, dir);
    try {
      const { manifest } = candidate;
      const about = { round: manifest.round, step: manifest.step, tableVersion: manifest.tableVersion };
      if (manifest.tableVersion === null) return { ...about, ...nothing, outcome: "refused", reason: "it was not trained from a table" };
      const histories = await historiesAt(manifest.salt, manifest.tableVersion);
      const measured = await judge(candidate, await openIncumbent(), histories, { ...rules, salt: manifest.salt }, signal);
      const { refusal: reason, perUser, ...figures } = measured;
      if (perUser)
        await keepEpoch(places.perUser, { epoch: manifest.round, step: manifest.step }, [perUser], perUserKept).catch((error: unknown) =>
          log.warn({ round: manifest.round, err: error }, "the users' figures could not be written"),
        );
      if (reason !== null) return { ...about, ...figures, outcome: "refused", reason, version: null };
      const version = await publish(places.models, dir, recordOf(candidate, measured));
      await prune(places.models);
      published = await readPublished(places.models);
      return { ...about, ...figures, outcome: "published", reason: null, version };
    } finally {
      candidate.dispose();
    }
  }

  function recordOf({ manifest }: OpenModel, { model, popularity, incumbent, users }: Measured) {
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
    return { at: Date.now(), round, step, watermark, metrics: model, popularity, parent: incumbent?.version ?? null, contract };
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
    async look(signal) {
      const dir = await newestOfRounds(await listCheckpoints(places.checkpoints));
      const checkpoint = dir && (await identity(dir));
      if (!checkpoint || checkpoint === newest) return undefined;
      const at = Date.now();
      state = "evaluating";
      try {
        const result = await evaluated(dir, signal).catch((error) => {
          if (error instanceof AppError && error.code === "CHECKPOINT_CORRUPT") return { ...unread, reason: error.message };
          throw error;
        });
        const line: EvaluationLine = { at, seconds: (Date.now() - at) / 1000, checkpoint, ...result };
        await journal.append(line);
        newest = checkpoint;
        return line;
      } finally {
        state = "idle";
      }
    },
  };
}

/** Evaluations whose users' figures are kept: 500 of 2,000 users take some 30 MB. */
const perUserKept = 500;
const nothing = { users: 0, model: null, popularity: null, incumbent: null, version: null } as const;
const unread = { ...nothing, round: null, step: null, tableVersion: null, outcome: "refused" } as const;

/** A checkpoint's folder and when it was made; undefined when it has gone meanwhile. */
async function identity(dir: string): Promise<string | undefined> {
  try {
    return `${basename(dir)}@${Math.round((await stat(dir)).mtimeMs)}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
