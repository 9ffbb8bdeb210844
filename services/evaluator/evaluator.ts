// Has what arrives scored by the published model, then takes the newest checkpoint, has it judged, and publishes or
// refuses it. The adapter between files and judging.
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { listCheckpoints, newestOfRounds } from "../../shared/checkpoints/checkpoints.ts";
import { holding, modelFolder, prune, publish, versionOf } from "../../shared/checkpoints/models.ts";
import { currentVersion, pinnedVersion } from "../../shared/checkpoints/pointer.ts";
import { type OpenModel, openModel } from "../../shared/checkpoints/scoring.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { splitInWords } from "../../shared/events/split.ts";
import type { EvaluationLine, EvaluatorStatus, Published } from "../../shared/health/status/evaluator.ts";
import type { Incumbent, Measured } from "../../shared/judging/candidate.ts";
import type { Trained } from "../../shared/judging/gains.ts";
import type { Beside } from "../../shared/judging/gate.ts";
import { keepEpoch } from "../../shared/judging/per-user.ts";
import { verdictOn } from "../../shared/judging/verdict.ts";
import type { Mix } from "../../shared/ranking/mix.ts";
import { paired } from "../../shared/ranking/paired.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Patience } from "../../shared/runtime/patience.ts";
import type { Arriving } from "./arriving.ts";
import { openJournal } from "./journal.ts";
import { readPublished } from "./published.ts";

export interface Places {
  readonly checkpoints: string;
  readonly models: string;
  readonly evaluations: string;
  /** Folder of every user's metrics. */
  readonly perUser: string;
}

export interface Rules {
  readonly tolerance: number;
  readonly maxUsers: number;
  /** What is below popular now on arrivals is published all the same. */
  readonly allowBelowPopularNow: boolean;
}

export interface Evaluator {
  readonly state: EvaluatorStatus["state"];
  readonly evaluations: readonly EvaluationLine[];
  /** What `current` names; `models rollback` moves it too. */
  readonly published: Published | null;
  /** The version that publication is pinned to. */
  readonly pinned: string | null;
  /**
   * Scores what has arrived, then judges the newest checkpoint of a round's end, unless it was judged already; those in
   * between are skipped. Undefined when there was nothing to do.
   */
  look(signal: AbortSignal): Promise<EvaluationLine | undefined>;
}

interface Tools {
  readonly engine: Engine;
  readonly arriving: Arriving;
  readonly patience: Patience;
  readonly log: Log;
}

export async function openEvaluator(
  { engine, arriving, patience, log }: Tools,
  places: Places,
  rules: Rules,
): Promise<Evaluator> {
  const journal = await openJournal(places.evaluations, patience);
  let state: Evaluator["state"] = "waiting for checkpoints";
  let published = await readPublished(places.models);
  let pinned = await pinnedVersion(places.models);
  let incumbent: (OpenModel & Incumbent) | null = null;
  /** The newest checkpoint, where it was found among the published models. */
  let newest: string | undefined;

  /**
   * The published model, opened once, or as it was judged; a torn one counts as none, so that it cannot stand in the
   * way of its successor.
   */
  async function openIncumbent(version: string | null): Promise<typeof incumbent> {
    if (version === incumbent?.version) return incumbent;
    incumbent?.dispose();
    incumbent = null;
    if (version === null) return null;
    try {
      incumbent = { ...(await openModel(engine, await modelFolder(places.models, version))), version };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ version, err: error.message }, "the published model cannot be read");
    }
    return incumbent;
  }

  /**
   * Undefined when `current` was moved or pinned meanwhile: then it is to be judged again, beside the model that is in
   * use now.
   */
  async function evaluated(
    dir: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Omit<EvaluationLine, "at" | "seconds" | "checkpoint"> | undefined> {
    const { took, ended } = partTimer(() => performance.now() / 1000);
    const candidate = await openModel(engine, dir);
    let isIncumbent = false;
    try {
      const { manifest } = candidate;
      const about = { round: manifest.round, step: manifest.step, tableVersion: manifest.tableVersion };
      if (manifest.tableVersion === null)
        return { ...about, ...nothing, outcome: "refused", reason: "it was not trained from a table" };
      const over = await currentVersion(places.models);
      const rival = await openIncumbent(over);
      const before = rival && { ...trained(rival, rival.version), past: rival.past };
      ended("opening");
      const { histories, version: tableVersion } = before
        ? await arriving.advance(manifest.salt, before, signal, manifest.tableVersion)
        : await arriving.advanceFor(manifest.salt, manifest.tableVersion, signal);
      ended("arrivals");
      if (manifest.tableVersion > tableVersion) {
        const reason =
          `it claims to have learned from version ${manifest.tableVersion} of a table that ends at ` +
          `${tableVersion}`;
        return { ...about, ...nothing, outcome: "refused", reason };
      }
      const own = trained(candidate, name);
      const limits = { ...rules, salt: manifest.salt };
      const verdict = await verdictOn(own, before, arriving, histories, limits, signal, ended);
      const { mix, why, beside, measured, warning, reason } = verdict;
      const { refusal: _, lost: __, perUser, past, ...scores } = measured;
      const laid = { weights: mix ?? null, why };
      const measures = { ...scores, overPopularNow: leadOf(beside), warning: warning?.text ?? null, mix: laid, took };
      const kept = async () => {
        if (!perUser) return;
        const standing = { epoch: manifest.round, step: manifest.step };
        await keepEpoch(places.perUser, standing, [perUser], perUserKept).catch((error: unknown) =>
          log.warn({ round: manifest.round, err: error }, "the users' figures could not be written"),
        );
      };
      const isHeld = async () => {
        pinned = await pinnedVersion(places.models);
        return pinned !== null;
      };
      if (reason !== null || (await isHeld())) {
        await kept();
        const verdict = reason === null ? ({ outcome: "held", reason: `pinned to ${pinned}` } as const) : undefined;
        return { ...about, ...measures, version: null, ...(verdict ?? { outcome: "refused", reason }) };
      }
      const record = { ...recordOf(candidate, measured, tableVersion), mix: { ...laid, since: sinceOf(laid) } };
      const version = await patience.through("the model cannot be published", () =>
        publish(places.models, dir, record, over, signal, mix),
      );
      if (version === null) return undefined;
      arriving.published(manifest.tableVersion);
      ended("publishing");
      incumbent?.dispose();
      incumbent = { ...candidate, manifest: { ...manifest, trends: mix }, version, past };
      isIncumbent = true;
      await kept();
      await patience.through("old models cannot be removed", () => prune(places.models, signal));
      published = await readPublished(places.models);
      return { ...about, ...measures, outcome: "published", reason: null, version };
    } finally {
      if (!isIncumbent) candidate.dispose();
    }
  }

  /** It was, when an evaluator ended between the publication and the line that tells of it. */
  async function isPublished(dir: string, checkpoint: string): Promise<boolean> {
    const found = await versionOf(places.models, dir);
    if (!found) return false;
    const { version, round, step, tableVersion } = found;
    log.info({ version, round, step }, "was published already");
    if (!journal.recent.some((line) => line.checkpoint === checkpoint && line.outcome === "published"))
      await journal.append({
        ...{ at: Date.now(), seconds: 0, checkpoint, round, step, tableVersion },
        ...{ ...nothing, outcome: "published", reason: null, version },
      });
    return true;
  }

  /** The same has been so since then: that something is laid over what is served, or that nothing is. */
  function sinceOf({ weights }: { readonly weights: Mix | null }): number {
    const before = published?.mix;
    return before && (before.weights === null) === (weights === null) ? before.since : Date.now();
  }

  /** `known`: the table version that the held-out users are taken from. */
  function recordOf({ manifest }: OpenModel, { model, popularity, users }: Measured, known: number) {
    const { round, step, watermark, salt, tableVersion } = manifest;
    const engineName = `${engine.name} ${engine.version}`;
    const contract = {
      part: "validation",
      split: splitInWords,
      salt,
      masking: "fold-in",
      k: [20, 50, 100],
      users,
      maxUsers: rules.maxUsers,
      tableVersion: known,
      trainedOnVersion: tableVersion,
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
      const current = await currentVersion(places.models);
      if (current !== (published?.version ?? null)) published = await readPublished(places.models);
      pinned = await pinnedVersion(places.models);
      const inUse = await openIncumbent(current);
      if (inUse) await arriving.advance(inUse.manifest.salt, trained(inUse, inUse.version), signal);
      const dir = await newestOfRounds(await listCheckpoints(places.checkpoints));
      const checkpoint = dir && (await identity(dir));
      if (!checkpoint || checkpoint === newest || isSettled(journal.recent.at(-1), checkpoint, pinned))
        return undefined;
      if (await isPublished(dir, checkpoint)) {
        newest = checkpoint;
        return undefined;
      }
      const at = Date.now();
      const startedAt = performance.now();
      state = "evaluating";
      try {
        const result = await holding(places.models, dir, (held) => evaluated(held, basename(dir), signal)).catch(
          (error) => {
            if (error instanceof AppError && error.code === "CHECKPOINT_CORRUPT")
              return { ...unread, reason: `it cannot be used: ${error.facts.what}` };
            throw error;
          },
        );
        if (!result) return undefined;
        const line: EvaluationLine = { at, seconds: (performance.now() - startedAt) / 1000, checkpoint, ...result };
        await journal.append(line);
        return line;
      } finally {
        state = "idle";
      }
    },
  };
}

/** Seconds of each part of an evaluation: of the one that just ended, from the end of the one before it. */
function partTimer(now: () => number) {
  const took: Partial<Record<keyof NonNullable<EvaluationLine["took"]>, number>> = {};
  let last = now();
  return {
    took,
    ended(part: keyof typeof took): void {
      const at = now();
      took[part] = at - last;
      last = at;
    },
  };
}

function leadOf({ over, overPopular }: Beside) {
  if (overPopular.length === 0) return null;
  const { mean, standardError } = paired(overPopular);
  return { over, users: overPopular.length, "ndcg@100": mean, "ndcg@100:se": standardError };
}

const trained = ({ manifest, vocabulary, scoreBatch }: OpenModel, version: string): Trained => ({
  version,
  tableVersion: manifest.tableVersion ?? Number.NEGATIVE_INFINITY,
  vocabulary,
  scoreBatch,
  mix: manifest.trends,
});

/** Evaluations whose users' figures are kept: 500 of 2,000 users take some 30 MB. */
const perUserKept = 500;
const nothing = {
  users: 0,
  model: null,
  popularity: null,
  incumbent: null,
  overPopularNow: null,
  warning: null,
  version: null,
} as const;
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
