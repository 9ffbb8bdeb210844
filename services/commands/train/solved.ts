// Training of a solved system: fitted in this process on all cores, judged after each sweep, the best kept, tested
// once; leaves what a run of the parameter server leaves.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { saveModel } from "../../../shared/checkpoints/checkpoints.ts";
import type { ManifestFacts } from "../../../shared/checkpoints/manifest.ts";
import { type Corpus, corpusOfDataset, corpusOfTable } from "../../../shared/corpus/corpus.ts";
import { aboutHeldOut } from "../../../shared/corpus/held-out.ts";
import { mustNameOne } from "../../../shared/corpus/source.ts";
import { writeWhole } from "../../../shared/disk/whole-file.ts";
import { keepEpoch, keepTest } from "../../../shared/judging/per-user.ts";
import { judgeHeldOut, meansOf, type Summaries } from "../../../shared/judging/summaries.ts";
import { memoryLimit } from "../../../shared/runtime/memory.ts";
import { told } from "../../../shared/runtime/working.ts";
import { countsName, countUsers } from "../../../shared/systems/popularity/popularity.ts";
import { type ConfigOf, parametersOf, type SolvedName, systemOf } from "../../../shared/systems/registry.ts";
import { settingsIn } from "../../../shared/systems/setting-flags.ts";
import type { Fitted, Size } from "../../../shared/systems/system.ts";
import { fitted as sweepsOf } from "./fitting.ts";
import { mustFitMemory } from "./needs.ts";
import type { Config } from "./options.ts";
import { computedInWords, outcomeInWords } from "./outcome.ts";

interface Epoch {
  readonly epoch: number;
  readonly seconds: number;
  readonly validation: { readonly "ndcg@100": number };
}

interface Best extends Fitted {
  readonly epoch: number;
  readonly validation: Summaries;
}

/** One system, its settings, what it is fitted to. */
interface Task<N extends SolvedName> {
  readonly model: N;
  readonly config: ConfigOf<N>;
  readonly corpus: Corpus;
  /** Distinct columns of each training user. */
  readonly rows: readonly Int32Array[];
  readonly threads: number;
  readonly out: string | undefined;
  readonly seed: number;
  /** ms: the fit ends before a sweep that would go beyond it, as far as the newest one tells. */
  readonly timeLimit: number;
}

/**
 * Throws DATASET_MALFORMED, TABLE_MISSING, DATA_TOO_LARGE, ENGINE_MISSING, NOT_FINITE. Asked to stop, it leaves
 * nothing.
 */
export async function trainSolved<N extends SolvedName>(model: N, options: Config, signal: AbortSignal): Promise<void> {
  mustNameOne(options);
  const corpus =
    options.data === undefined
      ? await told("reading the table", (along) =>
          corpusOfTable(options.table!, options.salt, options.minUsersPerItem, undefined, along),
        )
      : await told("reading the data", (along) => corpusOfDataset(options.data!, signal, along));
  for (const sentence of aboutHeldOut(corpus)) process.stderr.write(`${sentence}\n`);
  const config = systemOf(model).config.parse({
    ...settingsIn(options),
    items: corpus.vocabulary.length,
  }) as ConfigOf<N>;
  const rows = Array.from(corpus.users, corpus.rowOf);
  const threads = availableParallelism();
  mustFitMemory(model, config, sizeOf(rows, config.items, threads), memoryLimit());
  const task = {
    model,
    config,
    corpus,
    rows,
    threads,
    out: options.out,
    seed: options.seed,
    timeLimit: options.timeLimit ?? Number.POSITIVE_INFINITY,
  };
  try {
    await fitAndReport(task, options, signal);
  } catch (error) {
    if (error !== signal.reason) throw error;
  }
}

function sizeOf(rows: readonly Int32Array[], items: number, threads: number): Size {
  const users_I = countUsers(rows, items)[countsName]!.data;
  const longest = rows.reduce(
    (most, { length }) => Math.max(most, length),
    users_I.reduce((most, count) => Math.max(most, count), 0),
  );
  return { users: rows.length, interactions: rows.reduce((sum, { length }) => sum + length, 0), longest, threads };
}

async function fitAndReport<N extends SolvedName>(task: Task<N>, { json }: Config, signal: AbortSignal): Promise<void> {
  const { model, config, corpus, threads, out, seed } = task;
  const startedAt = performance.now();
  const { best, epochs } = await bestSweep(task, signal);
  const test = await judge(task, best, "test", signal);
  const { items: _, ...settings } = config;
  const report = {
    ...{
      model,
      settings,
      data: corpus.name,
      seed,
      engine: best.engine,
      device: best.device,
      trainers: 0,
      threads,
      sync: "none",
    },
    wallSeconds: (performance.now() - startedAt) / 1000,
    parameters: parametersOf(model, best.weights),
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    epochs,
    best: { epoch: best.epoch, validation: meansOf(best.validation), test: test.summaries },
  };
  if (out !== undefined) {
    const { salt, tableVersion, watermark, vocabulary } = corpus;
    const standing = {
      step: best.epoch,
      round: best.epoch,
      seed,
      salt,
      tableVersion,
      watermark,
      createdAt: Date.now(),
    };
    await saveModel(out, best.weights, { model, config, ...standing } as ManifestFacts, vocabulary);
    await keepTest(join(out, "evaluations"), { epoch: best.epoch, step: best.epoch }, test.perUser);
    await writeWhole(join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  }
  process.stderr.write(`${computedInWords(report)}\n${outcomeInWords(best.epoch, test.summaries)}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** The model after the sweep whose validation NDCG@100 is the best; without validation users the last one's. */
async function bestSweep<N extends SolvedName>(
  task: Task<N>,
  signal: AbortSignal,
): Promise<{ best: Best; epochs: Epoch[] }> {
  const { model, config, rows, threads, out, seed, timeLimit } = task;
  const epochs: Epoch[] = [];
  let best: Best | undefined;
  const beganAt = performance.now();
  let startedAt = beganAt;
  await told(model, async (progress) => {
    for await (const fitted of sweepsOf(model, { rows, config, seed, threads, signal, progress })) {
      const epoch = epochs.length + 1;
      const { summaries, perUser } = await judge(task, fitted, "validation", signal);
      if (out !== undefined) await keepEpoch(join(out, "evaluations"), { epoch, step: epoch }, [perUser]);
      const ndcg = summaries["ndcg@100"].mean;
      if (!best || !(ndcg <= best.validation["ndcg@100"].mean)) best = { ...fitted, epoch, validation: summaries };
      epochs.push({ epoch, seconds: (performance.now() - startedAt) / 1000, validation: { "ndcg@100": ndcg } });
      const took = performance.now() - startedAt;
      startedAt = performance.now();
      if (startedAt - beganAt + took > timeLimit) break;
    }
  });
  if (!best) throw new Error(`${model} was fitted and gave no model`);
  return { best, epochs };
}

function judge<N extends SolvedName>(
  { model, config, corpus }: Task<N>,
  { weights }: Fitted,
  part: "validation" | "test",
  signal: AbortSignal,
) {
  return told(`judging on ${corpus[part].length} ${part} users`, (along) =>
    judgeHeldOut(part, corpus[part], systemOf(model).scores(config, weights), config.items, signal, along),
  );
}
