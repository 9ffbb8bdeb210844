// A run of fixed length: outer epochs with validation after each, the best one kept, tested once at the end. What `train` does, and `server --epochs`.
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { passesOf } from "../../shared/model/schedule.ts";
import { type Summary, summary } from "../../shared/ranking/metrics.ts";
import { loadModel, saveModel } from "../../shared/checkpoint/checkpoints.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { scored } from "../../shared/wire/messages.ts";
import type { Corpus } from "./corpus.ts";
import type { DeskStatus } from "./desk-status.ts";
import { Optimizer } from "./optimizer.ts";
import { type Run, type RunStep, scoreHeldOut, trainOuterEpoch } from "./outer-epoch.ts";
import { factsOf, type Resumed, saveRun } from "./persistence.ts";
import type { EpochReport, Progress } from "./progress.ts";

type Judged = Record<(typeof scored)[number], Summary>;

/** What a checkpoint of such a run keeps beside the weights. */
interface SoFar {
  readonly epochs: EpochReport[];
  best: { epoch: number; validation: Record<string, number> } | undefined;
  wallSeconds: number;
}

interface Wanted {
  readonly epochs: number;
  /** Ends the run after so many epochs without a better validation. */
  readonly patience?: number | undefined;
  readonly out: string;
}

export async function trainEpochs(
  { epochs, patience = Number.POSITIVE_INFINITY, out }: Wanted,
  { run, progress: saved }: Resumed,
  corpus: Corpus,
  { runStep, progress, desk, log }: { runStep: RunStep; progress: Progress; desk: () => DeskStatus; log: Log },
): Promise<void> {
  const soFar = (saved as SoFar | undefined) ?? { epochs: [], best: undefined, wallSeconds: 0 };
  progress.epochs = soFar.epochs;
  if (corpus.withoutTarget > 0) log.warn({ users: corpus.withoutTarget }, "held-out users with nothing to predict are left out");
  let startedAt = Date.now();
  while (run.round < epochs && run.round - (soFar.best?.epoch ?? 0) < patience) {
    const loss = await trainOuterEpoch(run, corpus.users, corpus.rowOf, runStep);
    const trainSeconds = (Date.now() - startedAt) / 1000;
    progress.finished(loss, run.round);
    const validation = means(await judge(run, corpus.validation, runStep));
    // No validation user at all: the newest epoch is the best one.
    if (!soFar.best || !(validation["ndcg@100"]! <= soFar.best.validation["ndcg@100"]!)) {
      await saveModel(out, run.optimizer.weights, factsOf(run, corpus), corpus.vocabulary);
      soFar.best = { epoch: run.round, validation };
    }
    const seconds = (Date.now() - startedAt) / 1000;
    const usersPerSecond = (corpus.users.length * passesOf(run.schedule).length) / trainSeconds;
    soFar.epochs.push({ epoch: run.round, seconds, loss, validation: { "ndcg@100": validation["ndcg@100"]! }, usersPerSecond });
    soFar.wallSeconds += seconds;
    startedAt = Date.now();
    await saveRun(out, run, { ...corpus, progress: soFar });
    progress.checkpoint = { step: run.step, round: run.round, at: Date.now() };
    log.info({ epoch: run.round, ...loss, ...validation }, "outer epoch");
  }
  const best = await loadModel(out);
  const bestRun = { ...run, optimizer: new Optimizer(best.manifest.config, best.weights) };
  const test = await judge(bestRun, corpus.test, runStep);
  const { engines, mostTrainers } = desk();
  const report = {
    model: "recvae",
    data: corpus.name,
    seed: run.seed,
    engine: [...engines].sort().join(", "),
    trainers: mostTrainers,
    sync: run.local ? "local" : "exact",
    ...(run.local && { every: run.local.every, firstLayer: "sparse Adam: rows that no user of a batch holds stay" }),
    wallSeconds: soFar.wallSeconds,
    epochs: soFar.epochs,
    best: { ...soFar.best, test },
  };
  const path = join(out, "report.json");
  await writeFile(`${path}.tmp`, `${JSON.stringify(report, null, 2)}\n`);
  await rename(`${path}.tmp`, path);
}

async function judge(run: Run, heldOut: Corpus["validation"], runStep: RunStep): Promise<Judged> {
  const metrics = heldOut.length > 0 ? await scoreHeldOut(run, heldOut, runStep) : new Float32Array(0);
  const column = (at: number) => metrics.filter((_, k) => k % scored.length === at);
  return Object.fromEntries(scored.map((name, at) => [name, summary(column(at))])) as Judged;
}

const means = (judged: Judged): Record<string, number> =>
  Object.fromEntries(Object.entries(judged).map(([name, { mean }]) => [name, mean]));
