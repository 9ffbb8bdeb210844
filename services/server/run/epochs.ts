// A run of fixed length: outer epochs with validation after each, the best one kept, tested once at the end. What
// `train` does, and `server --epochs`.
import { join } from "node:path";
import { loadNeural } from "../../../shared/checkpoints/checkpoints.ts";
import type { Corpus } from "../../../shared/corpus/corpus.ts";
import { aboutHeldOut } from "../../../shared/corpus/held-out.ts";
import { writeWhole } from "../../../shared/disk/whole-file.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { keepEpoch, keepTest, type Scored } from "../../../shared/judging/per-user.ts";
import { parametersIn } from "../../../shared/neural/parameters.ts";
import { annealed } from "../../../shared/neural/recipe.ts";
import { passesOf } from "../../../shared/neural/schedule.ts";
import { type Summary, summary } from "../../../shared/ranking/metrics.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import type { Log } from "../../../shared/runtime/log.ts";
import type { Patience } from "../../../shared/runtime/patience.ts";
import { defaultSystem, systemOf } from "../../../shared/systems/registry.ts";
import { scored } from "../../../shared/training/messages.ts";
import type { EpochReport, Progress } from "../progress.ts";
import type { Checkpointing } from "../saving/checkpointing.ts";
import { contentsOf, type Resumed } from "../saving/persistence.ts";
import type { SchedulerStatus } from "../scheduler/scheduler-status.ts";
import { scoreHeldOut, trainOuterEpoch } from "./outer-epoch.ts";
import { openParameters } from "./parameters.ts";
import type { Loss, Run, RunStep } from "./run.ts";
import { standingOf } from "./stint-length.ts";

/** Metrics of each user, in the order that they were given. */
type PerUser = Record<(typeof scored)[number], Float32Array>;
type Judged = Record<(typeof scored)[number], Summary>;

/** What a checkpoint of such a run keeps beside the weights. */
interface SoFar {
  readonly epochs: EpochReport[];
  /** `beta`: what the KL term weighed at its end, where that is annealed. */
  best: { epoch: number; validation: Record<string, number>; beta?: number | undefined } | undefined;
  wallSeconds: number;
  /** Of the epoch at hand, up to the checkpoint. */
  seconds: number;
  /** What its training came to, where it is yet to be validated. */
  trained: { readonly loss: Loss; readonly seconds: number } | undefined;
}

interface Wanted {
  readonly epochs: number;
  /** Ends the run after so many epochs without a better validation. */
  readonly patience?: number | undefined;
  /**
   * ms: ends the run before an epoch that would go beyond it, as far as the newest one tells; the first epoch is always
   * done.
   */
  readonly timeLimit?: number | undefined;
  readonly out: string;
}

export interface Tools {
  readonly runStep: RunStep;
  readonly progress: Progress;
  readonly checkpointing: Checkpointing;
  readonly patience: Patience;
  readonly scheduler: () => SchedulerStatus;
  readonly until: Until;
  readonly log: Log;
}

/** When the process drains, the run is saved as it stands, and the signal's reason is thrown. */
export async function trainEpochs(
  wanted: Wanted,
  { run, progress: saved }: Resumed,
  corpus: Corpus,
  tools: Tools,
): Promise<void> {
  const { progress, log } = tools;
  const soFar: SoFar = {
    epochs: [],
    best: undefined,
    wallSeconds: 0,
    seconds: 0,
    trained: undefined,
    ...(saved as Partial<SoFar> | undefined),
  };
  progress.epochs = soFar.epochs;
  for (const sentence of aboutHeldOut(corpus)) log.warn(sentence);
  await runEpochs(wanted, run, soFar, corpus, tools);
  await report(wanted.out, run, soFar, corpus, tools);
}

async function runEpochs(
  { epochs, patience = Number.POSITIVE_INFINITY, timeLimit = Number.POSITIVE_INFINITY, out }: Wanted,
  run: Run,
  soFar: SoFar,
  corpus: Corpus,
  { runStep, progress, checkpointing, patience: waiting, until, log }: Tools,
): Promise<void> {
  const { seconds: before } = soFar;
  let startedAt = performance.now() - before * 1000;
  const elapsed = () => (performance.now() - startedAt) / 1000;
  const contents = () => contentsOf(run, { ...corpus, progress: { ...soFar, seconds: elapsed() } });
  try {
    const hasTime = () =>
      run.underWay || soFar.epochs.length === 0 || soFar.wallSeconds + soFar.epochs.at(-1)!.seconds <= timeLimit / 1000;
    const goesOn = () => run.round < epochs && run.round - (soFar.best?.epoch ?? 0) < patience && hasTime();
    while (soFar.trained || goesOn()) {
      soFar.trained ??= {
        loss: await trainOuterEpoch(run, corpus.users, corpus.rowOf, runStep, (at) => {
          progress.within(at, log);
          checkpointing.offer(contents);
        }),
        seconds: elapsed(),
      };
      const { loss, seconds: trainSeconds } = soFar.trained;
      progress.finished(loss, run.round);
      const perUser = await judge(run, corpus.validation, runStep);
      const standing = { epoch: run.round, step: run.step };
      await orLogged(
        log,
        keepEpoch(join(out, "evaluations"), standing, [ofModel("validation", corpus.validation, perUser)]),
      );
      const validation = means(summaries(perUser));
      // No validation user at all: the newest epoch is the best one.
      const isBest = !soFar.best || !(validation["ndcg@100"]! <= soFar.best.validation["ndcg@100"]!);
      const { config } = run.store;
      if (isBest) soFar.best = { epoch: run.round, validation, beta: annealed(config, run.updater.updates.encoder) };
      const usersPerSecond = (corpus.users.length * passesOf(run.schedule).length) / trainSeconds;
      const seconds = elapsed();
      soFar.epochs.push({
        epoch: run.round,
        seconds,
        loss,
        validation: { "ndcg@100": validation["ndcg@100"]! },
        usersPerSecond,
      });
      soFar.wallSeconds += seconds;
      soFar.trained = undefined;
      startedAt = performance.now();
      if (isBest) await checkpointing.best(contents());
      checkpointing.offer(contents);
      log.info({ epoch: run.round, ...loss, ...validation }, "outer epoch");
    }
  } catch (error) {
    if (until.signal.aborted && !(error instanceof AppError)) {
      await checkpointing.save(contents());
      await checkpointing.settled();
    }
    throw error;
  }
  await waiting.through("the last checkpoint cannot be written", async () => {
    await checkpointing.save(contents());
    await checkpointing.settled();
  });
}

async function report(
  out: string,
  run: Run,
  soFar: SoFar,
  corpus: Corpus,
  { runStep, scheduler, patience, log }: Tools,
): Promise<void> {
  const best = await bestOf(out, run, soFar);
  const perUser = await judge(best.run, corpus.test, runStep);
  const standing = { epoch: soFar.best?.epoch ?? run.round, step: best.step };
  await orLogged(log, keepTest(join(out, "evaluations"), standing, ofModel("test", corpus.test, perUser)));
  const test = summaries(perUser);
  const { engines, devices, mostTrainers } = scheduler();
  const { model = defaultSystem, store, schedule } = run;
  const { items: _, ...settings } = systemOf(model).configOf(store.config);
  const report = {
    model,
    settings: { ...settings, ...schedule },
    data: corpus.name,
    seed: run.seed,
    engine: [...engines].sort().join(", "),
    device: [...devices].sort().join(", "),
    trainers: mostTrainers,
    sync: run.local ? "local" : "exact",
    ...(run.local && {
      every: run.local.every,
      exchangeShare: standingOf(run.local.costs).exchangeShare,
      ...(run.local.every === "auto" && { batches: standingOf(run.local.costs).every }),
      firstLayer:
        "Adam moves the rows that a part touches; the others stay; of replicas on a device it moves every row",
    }),
    wallSeconds: soFar.wallSeconds,
    parameters: parametersIn(store.config),
    epochs: soFar.epochs,
    best: { ...soFar.best, test },
  };
  await patience.through("the report cannot be written", () =>
    writeWhole(join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`),
  );
}

/** The run itself where it stands at its best epoch, otherwise one with the model on disk. */
async function bestOf(out: string, run: Run, { best }: SoFar): Promise<{ run: Run; step: number }> {
  if (best?.epoch === run.round && !run.underWay) return { run, step: run.step };
  const { manifest, weights } = await loadNeural(out);
  const { wire } = run.publisher;
  return {
    run: { ...run, ...openParameters(systemOf(manifest.model).recipeOf(manifest.config), weights, { wire }) },
    step: manifest.step,
  };
}

async function judge(run: Run, heldOut: Corpus["validation"], runStep: RunStep): Promise<PerUser> {
  const metrics = heldOut.length > 0 ? await scoreHeldOut(run, heldOut, runStep) : new Float32Array(0);
  const column = (at: number) => metrics.filter((_, k) => k % scored.length === at);
  return Object.fromEntries(scored.map((name, at) => [name, column(at)])) as PerUser;
}

const ofModel = (part: "validation" | "test", users: Corpus["test"], metrics: PerUser): Scored => ({
  ...{ part, scorer: "model", metrics },
  users: users.map(({ user }) => user),
});

/**
 * Every user's figures serve `plot stability` and comparisons of runs. What cannot be written is logged, and the run
 * goes on.
 */
const orLogged = (log: Log, written: Promise<void>): Promise<void> =>
  written.catch((error: unknown) => log.warn({ err: error }, "the users' figures of this epoch could not be written"));

const summaries = (perUser: PerUser): Judged =>
  Object.fromEntries(Object.entries(perUser).map(([name, values]) => [name, summary(values)])) as Judged;

const means = (judged: Judged): Record<string, number> =>
  Object.fromEntries(Object.entries(judged).map(([name, { mean }]) => [name, mean]));
