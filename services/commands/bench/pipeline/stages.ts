// The stages of `bench pipeline` behind the table: corpus, outer epochs, judged, published, served, each by the process
// that users start, beside what it may take.
import { join } from "node:path";
import { listCheckpoints, newestOfRounds } from "../../../../shared/checkpoints/checkpoints.ts";
import { publish } from "../../../../shared/checkpoints/models.ts";
import { AppError } from "../../../../shared/errors/errors.ts";
import { askProcess } from "../../../../shared/health/answers.ts";
import { evaluatorStatus } from "../../../../shared/health/status/evaluator.ts";
import { serverStatus } from "../../../../shared/health/status/server.ts";
import { discover } from "../../../../shared/http/registry.ts";
import { passesOf, usualSchedule } from "../../../../shared/neural/schedule.ts";
import { pathsOf } from "../../../../shared/runtime/paths.ts";
import { progressLine } from "../../../../shared/runtime/terminal.ts";
import { closedLoop, quantile } from "../closed-loop.ts";
import type { Limits } from "./limits.ts";
import { bytesIn, type Stage, type Workplace } from "./measured.ts";

const ofServer = serverStatus.pick({
  ...{ listen: true, step: true, epoch: true, epochs: true, users: true, items: true },
  ...{ timings: true, checkpoint: true, work: true },
});
const ofEvaluator = evaluatorStatus.pick({ published: true, evaluations: true });
const passes = passesOf(usualSchedule).length;
const ANSWER_MS = 20_000;
/** Users whose lists are asked for, each in its turn. */
const ASKED = 500;
const [WARM_MS, ASKED_MS] = [1_000, 4_000];

interface Given {
  readonly dir: string;
  readonly epochs: number;
  readonly trainers: number;
  /** Users of the world. */
  readonly users: number;
  readonly limits: Limits;
  readonly work: Workplace;
}

export interface Trained {
  readonly stages: readonly Stage[];
  readonly checkpoint: {
    readonly bytesPerMinute: number;
    readonly minutes: number;
    readonly pauseSeconds: number | null;
  };
}

/** A server and trainers over the table, to the end of so many outer epochs. */
export async function trained({ dir, epochs, trainers, limits, work }: Given): Promise<Trained> {
  const paths = pathsOf(dir);
  const where = ["--data-dir", dir];
  const memoryLimits = { server: limits.server, trainer: limits.trainer };
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const flags = [
    "--table",
    paths.table,
    "--out",
    paths.training,
    "--epochs",
    String(epochs),
    "--listen",
    "127.0.0.1:0",
  ];
  const server = work.start("server", [...flags, ...where]);
  const line = progressLine();
  const ask = async () => {
    const status = await askProcess(paths.run, server.child.pid, ofServer, ANSWER_MS);
    const { epoch, work: at } = status ?? {};
    line.show(at ?? (epoch ? `step ${epoch.step} of ${epoch.steps}` : "the server is at work"));
    return status;
  };
  const { listen } = await work.when(server, ask);
  const all = Array.from({ length: trainers }, () =>
    work.start("trainer", ["--server", listen, "--threads", "1", ...where], { threads: 1 }),
  );
  const begun = await work.when(server, async () => {
    const status = await ask();
    return status?.epoch && status.users > 0 && status.timings.encoder ? status : undefined;
  });
  const firstStep = seconds();
  let newest = begun;
  const toItsEnd = async () => {
    newest = (await ask()) ?? newest;
    return undefined;
  };
  await work.when(server, toItsEnd).catch((error: unknown) => {
    if (server.running) throw error;
  });
  const code = await server.exited;
  if (code !== 0) throw new AppError("SERVICE_DIED", { what: "server of the pipeline", exitCode: code });
  const ended = seconds();
  line.end();
  const peaks = work.peakOf(server, ...all);
  const passed = newest.timings;
  const spent = (phase: "encoder" | "decoder" | "score" | "posterior") => passed[phase]?.seconds ?? 0;
  const epochSeconds = (spent("encoder") + spent("decoder")) / Math.max(1, newest.epochs.length);
  const minutes = (ended - firstStep) / 60;
  return {
    stages: [
      {
        name: "corpus: table to the first training step",
        seconds: firstStep,
        rate: { perSecond: begun.users / firstStep, of: "users" },
        peaks: {},
        limit: limits.firstStep,
      },
      {
        name: `an outer epoch of ${newest.epochs.length}`,
        seconds: epochSeconds,
        rate: { perSecond: (passes * newest.users) / epochSeconds, of: "users" },
        peaks,
        disk: await bytesIn(paths.training),
        limit: limits.epoch,
        memoryLimits,
      },
      { name: "validated and tested by the server", seconds: spent("score"), peaks: {} },
    ],
    checkpoint: {
      bytesPerMinute: (newest.checkpoint?.bytesWritten ?? 0) / minutes,
      minutes,
      pauseSeconds: newest.checkpoint?.pauseSeconds ?? null,
    },
  };
}

/** The evaluator, to its first verdict. */
export async function published({ dir, limits, work, users }: Given): Promise<Stage> {
  const paths = pathsOf(dir);
  const most = Math.min(50_000, Math.ceil(users / 10));
  const startedAt = performance.now();
  const evaluator = work.start("evaluator", ["--max-users", String(most), "--data-dir", dir], { threads: 1 });
  const { evaluations } = await work.when(evaluator, async () => {
    const status = await askProcess(paths.run, evaluator.child.pid, ofEvaluator, ANSWER_MS);
    return status && status.evaluations.length > 0 ? status : undefined;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const judged = evaluations.at(-1)!;
  await evaluator.stop();
  const isGood = judged.outcome === "published";
  // A small part of a world teaches little in an epoch; its answers are to be timed all the same.
  if (!isGood)
    await publish(
      paths.models,
      (await newestOfRounds(await listCheckpoints(join(paths.training, "checkpoints"))))!,
      {},
    );
  return {
    name: `judged on ${judged.users} held-out users, ${isGood ? "published" : "refused"}`,
    seconds,
    rate: { perSecond: judged.users / judged.seconds, of: "users" },
    peaks: work.peakOf(evaluator),
    disk: await bytesIn(paths.models),
    limit: limits.judged,
  };
}

export interface Served {
  readonly stage: Stage;
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
}

/** A serve process on the published model and the table: users' lists, one after another. */
export async function served({ dir, users, work }: Given): Promise<Served> {
  const paths = pathsOf(dir);
  const startedAt = performance.now();
  const serve = work.start("serve", ["--data-dir", dir, "--http-port", "0", "--no-follow"], { threads: 1 });
  const url = await work.when(serve, async () => {
    const entry = discover(paths.run).find(({ pid }) => pid === serve.child.pid);
    return entry && (await fetch(`${entry.url}/ready`)).ok ? entry.url : undefined;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const questions = Array.from({ length: ASKED }, (_, k) => ({
    path: "/v1/recommend",
    body: JSON.stringify({ user: `u${Math.floor((k * users) / ASKED)}`, k: 10 }),
  }));
  const load = { url, questions, clients: 1 };
  await closedLoop({ ...load, forMs: WARM_MS });
  const { latencies, failures } = await closedLoop({ ...load, forMs: ASKED_MS });
  await serve.stop();
  const stage = { name: "serve: start to ready", seconds, peaks: work.peakOf(serve) };
  return { stage, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failures };
}

export const whereLogs = (dir: string) => join(dir, "logs", "pipeline.log");
