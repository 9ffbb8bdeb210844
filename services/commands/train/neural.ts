// Training of a neural system: one parameter server and N trainers as processes of their own, a line per outer epoch,
// the report at the end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../../shared/disk/whole-file.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { askProcess } from "../../../shared/health/answers.ts";
import { epochReport, serverStatus } from "../../../shared/health/status/server.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { Peaks } from "../../../shared/runtime/peaks.ts";
import { type Spawned, spawnService } from "../../../shared/runtime/spawn.ts";
import { progressLine, say } from "../../../shared/runtime/terminal.ts";
import { span } from "../../../shared/runtime/working.ts";
import { recipeFlags } from "../../../shared/systems/recipe-flags.ts";
import { type NeuralName, systemOf } from "../../../shared/systems/registry.ts";
import { knobArguments } from "../../../shared/training/knobs.ts";
import type { Phase } from "../../../shared/training/phases.ts";
import type { Config } from "./options.ts";
import { computedInWords, outcomeInWords } from "./outcome.ts";
import { keepTrainer } from "./trainers.ts";

const statusSchema = serverStatus.pick({
  listen: true,
  epochs: true,
  epoch: true,
  work: true,
  phase: true,
  parts: true,
});
const reportSchema = z.looseObject({
  ...{ model: z.string().optional(), engine: z.string().optional(), device: z.string().optional() },
  epochs: z.array(epochReport),
  best: z.looseObject({ epoch: z.number() }),
});

const POLL_MS = 300;
const QUIET_MS = 2_000;

/**
 * A run found in `--out` is resumed. A system that goes on from another one's model has that trained first where none
 * is named, below `--out`. Throws SERVICE_DIED; the server's own exit code becomes the process's.
 */
export async function trainNeural(model: NeuralName, config: Config, until: Until): Promise<void> {
  const out = config.out ?? mkdtempSync(join(tmpdir(), "tributary-train-"));
  try {
    const { startsFrom } = systemOf(model).preset;
    const first = config.from === undefined && startsFrom ? join(out, "start") : undefined;
    if (first !== undefined) {
      process.stderr.write(`${model} goes on from a model of ${startsFrom}, which is trained first, in ${first}\n`);
      if (!(await runOf(startsFrom as NeuralName, ofFirst(config), first, until))) return;
    }
    await runOf(model, { ...config, from: config.from ?? first }, out, until);
  } finally {
    if (config.out === undefined) rmSync(out, { recursive: true, force: true });
  }
}

/** Settings of the model that is to be gone on from: sizes, data and seed are the run's; what tunes it is its own. */
function ofFirst(config: Config): Config {
  const untuned = Object.fromEntries(Object.keys(recipeFlags).map((flag) => [flag, undefined]));
  const { hidden, latent, layers, encoder, decoder } = config;
  return { ...config, ...untuned, hidden, latent, layers, encoder, decoder, epochs: config.firstEpochs, json: false };
}

/** One run to its end: whether it got there. */
async function runOf(model: NeuralName, config: Config, out: string, until: Until): Promise<boolean> {
  const started: Spawned[] = [];
  const over = new AbortController();
  const peaks = new Peaks();
  const look = () => peaks.look(started.map(({ child }) => child.pid));
  try {
    const server = spawnService("server", serverFlags(model, config, out), { quiet: true });
    started.push(server);
    const report = await follow(server, config, until, look, (address) => {
      const flags = ["--server", address, "--threads", "1", "--data-dir", config.dataDir];
      const start = () => {
        const trainer = spawnService("trainer", flags, { threads: 1, quiet: true });
        started.push(trainer);
        return trainer.ended;
      };
      return Array.from({ length: config.trainers }, () => keepTrainer(start, say, over.signal));
    });
    const code = await server.exited;
    if (code !== 0) {
      process.exitCode = code; // its own message stands on stderr
      return false;
    }
    if (until.signal.aborted && !existsSync(join(out, "report.json"))) return false;
    const found = reportSchema.parse(JSON.parse(readFileSync(join(out, "report.json"), "utf8")));
    const withMemory = { ...found, peakMemoryBytes: peaks.total };
    await writeWhole(join(out, "report.json"), `${JSON.stringify(withMemory, null, 2)}\n`);
    report(withMemory);
    return true;
  } finally {
    over.abort();
    await Promise.all(started.reverse().map((each) => each.stop()));
  }
}

function serverFlags(model: NeuralName, config: Config, out: string): string[] {
  const source = [...(config.data ? ["--data", config.data] : []), ...(config.table ? ["--table", config.table] : [])];
  const patience = config.patience === undefined ? [] : ["--patience", String(config.patience)];
  const timeLimit = config.timeLimit === undefined ? [] : ["--time-limit", `${config.timeLimit}ms`];
  const vocabulary = ["--min-users-per-item", String(config.minUsersPerItem)];
  const where = ["--out", out, "--listen", "127.0.0.1:0", "--data-dir", config.dataDir, "--salt", config.salt];
  return [
    "--model",
    model,
    ...source,
    "--epochs",
    String(config.epochs),
    ...patience,
    ...timeLimit,
    ...vocabulary,
    ...where,
    ...knobArguments(config),
  ];
}

/** Starts the trainers once the server listens, prints a line per epoch until it ends; returns what prints the rest. */
async function follow(
  server: Spawned,
  config: Config,
  until: Until,
  look: () => void,
  startTrainers: (address: string) => readonly Promise<number>[],
): Promise<(report: z.output<typeof reportSchema>) => void> {
  let printed: number | undefined;
  let isListening = false;
  let failed = 0;
  const line = progressLine();
  const startedAt = performance.now();
  const print = (epochs: readonly z.output<typeof epochReport>[]) => {
    printed ??= Math.max(0, epochs.length - 1); // a resumed run tells only its newest
    for (const epoch of epochs.slice(printed)) say(lineOf(epoch, epochs, config.epochs));
    printed = Math.max(printed, epochs.length);
  };
  until.signal.addEventListener("abort", () => server.child.kill("SIGTERM"), { once: true });
  while (server.running) {
    await Promise.race([sleep(POLL_MS), server.exited]);
    look();
    const status = await askProcess(pathsOf(config.dataDir).run, server.child.pid, statusSchema, 5_000);
    const standing = status ? standingOf(status, config.epochs) : isListening ? null : "the server starts";
    if (standing !== null && performance.now() - startedAt > QUIET_MS) line.show(standing);
    if (!status) continue;
    if (!isListening)
      for (const ended of startTrainers(status.listen)) void ended.then((code) => (failed += code === 0 ? 0 : 1));
    isListening = true;
    if (failed === config.trainers)
      throw new AppError("SERVICE_DIED", { what: "every trainer ended before the run did", log: "see above" });
    if (status.epochs.length > 0) print(status.epochs);
  }
  return (report) => {
    print(report.epochs);
    say(computedInWords(report));
    say(outcomeInWords(report.best.epoch, report.best.test));
    if (config.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  };
}

/** What the run is at within an outer epoch or beside it; null where the next line says it. */
function standingOf(
  { epoch, epochs, work, phase, parts }: z.output<typeof statusSchema>,
  wanted: number,
): string | null {
  if (work !== null) return work;
  const number = epochs.length < wanted ? `epoch ${epochs.length + 1}/${wanted}` : "test";
  const name = phase === null ? undefined : besideSteps[phase];
  if (name !== undefined && parts.total > 0) return `${number}  ${name}: ${parts.done} of ${parts.total} parts`;
  if (!epoch) return null;
  const { step, steps, loss, usersPerSecond, secondsLeft } = epoch;
  return [
    `${number}  step ${step} of ${steps}`,
    ...(loss ? [`loss ${(loss.reconstruction + loss.kl).toFixed(2)} so far`] : []),
    ...(usersPerSecond === null ? [] : [`${Math.round(usersPerSecond)} users/s`]),
    ...(secondsLeft === null ? [] : [`${span(secondsLeft)} left of it`]),
  ].join("  ");
}

/** Steps that take long because they hold all users. */
const besideSteps: Partial<Record<Phase, string>> = { posterior: "old posteriors", score: "judging" };

function lineOf(
  { epoch, loss, validation, usersPerSecond }: z.output<typeof epochReport>,
  all: readonly z.output<typeof epochReport>[],
  epochs: number,
): string {
  const seconds = all.slice(-5).reduce((sum, each, _, { length }) => sum + each.seconds / length, 0);
  const ndcg = validation["ndcg@100"]?.toFixed(4) ?? "-";
  return (
    `epoch ${epoch}/${epochs}  loss ${(loss.reconstruction + loss.kl).toFixed(2)} (kl ${loss.kl.toFixed(2)})  ` +
    `validation NDCG@100 ${ndcg}  ${Math.round(usersPerSecond)} users/s  ${span((epochs - epoch) * seconds)} left`
  );
}
