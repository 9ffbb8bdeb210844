// What a run left on disk, as numbers to draw: of `train --out`, or of a data directory. The adapter between files and
// figures; lines that are torn or of another kind are passed over.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { valuesIn } from "../../../shared/disk/json-lines.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { listEpochs, readEpoch } from "../../../shared/judging/per-user.ts";
import { prequentialPoint } from "../../../shared/judging/point.ts";
import type { EpochOfUsers } from "../../../shared/judging/stability.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import type { Learning } from "./learning.ts";
import type { Window } from "./prequential.ts";

const METRIC = "ndcg@100";
const ndcg = z.looseObject({ [METRIC]: z.number().nullable() });

const reportSchema = z.looseObject({
  epochs: z.array(
    z.looseObject({
      epoch: z.number(),
      loss: z.looseObject({ reconstruction: z.number(), kl: z.number() }).optional(),
      validation: ndcg,
    }),
  ),
  best: z.looseObject({ epoch: z.number() }),
});

const evaluationSchema = z.looseObject({
  round: z.number(),
  model: z.looseObject({ [METRIC]: z.number() }),
  popularity: z.looseObject({ [METRIC]: z.number() }).nullable(),
  outcome: z.string(),
});

const windowSchema = prequentialPoint.pick({
  ...{ at: true, events: true, users: true, model: true, "recall@20": true, [METRIC]: true },
  ...{ popularity: true, popularNow: true, popularThen: true, coVisits: true },
});

/** Throws FILE_MISSING, FILE_UNREADABLE, NOTHING_TO_PLOT. */
export async function readLearning(dir: string): Promise<Learning> {
  mustBeThere(dir);
  const report = join(dir, "report.json");
  if (existsSync(report)) return ofReport(report);
  const { evaluations } = pathsOf(dir);
  const lines = await readLines(evaluations, evaluationSchema);
  if (lines === undefined)
    throw nothing(
      "neither a report.json, which `train` leaves at its end, nor an evaluations.jsonl, which the evaluator writes",
      dir,
    );
  // A round may have been judged again; the newest word counts.
  const rounds = new Map(lines.map((line) => [line.round, line]));
  const points = [...rounds.values()].sort((a, b) => a.round - b.round);
  if (points.length === 0) throw nothing("no evaluation in it has figures yet", evaluations);
  return {
    unit: "round",
    points: points.map(({ round, model, popularity, outcome }) => ({
      epoch: round,
      ndcg: model[METRIC]!,
      popularity: popularity?.[METRIC],
      published: outcome === "published",
    })),
  };
}

async function ofReport(path: string): Promise<Learning> {
  const unreadable = (what: string, cause?: unknown) => new AppError("FILE_UNREADABLE", { what, path }, { cause });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw unreadable((error as Error).message, error);
  }
  const parsed = reportSchema.safeParse(value);
  if (!parsed.success)
    throw unreadable(`not the report of a training run: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
  const { epochs, best } = parsed.data;
  const points = epochs.map(({ epoch, loss, validation }) => ({
    epoch,
    ndcg: validation[METRIC] ?? undefined,
    loss: loss && loss.reconstruction + loss.kl,
  }));
  if (points.length === 0) throw nothing("the report has no epoch", path);
  return { unit: "epoch", points, best: best.epoch };
}

/**
 * Epochs whose file cannot be read are passed over: the newest may be under way. Throws FILE_MISSING, NOTHING_TO_PLOT.
 */
export async function readUsers(dir: string): Promise<EpochOfUsers[]> {
  mustBeThere(dir);
  const { perUser } = pathsOf(dir);
  const epochs: EpochOfUsers[] = [];
  for (const epoch of await listEpochs(perUser)) {
    const ndcg = await readEpoch(perUser, epoch, METRIC).catch((error: unknown) => {
      if (error instanceof AppError) return undefined;
      throw error;
    });
    if (ndcg) epochs.push({ epoch, ndcg });
  }
  if (epochs.length < 2)
    throw nothing(
      `${epochs.length} of the files evaluations/epoch-*.parquet; two are the least that show a change`,
      dir,
    );
  return epochs;
}

/** Throws FILE_MISSING, NOTHING_TO_PLOT. */
export async function readWindows(dir: string): Promise<Window[]> {
  mustBeThere(dir);
  const { prequential } = pathsOf(dir);
  const lines = await readLines(prequential, windowSchema);
  if (lines === undefined)
    throw nothing("no prequential.jsonl, which the evaluator writes when it has scored events as they came", dir);
  if (lines.length === 0) throw nothing("it holds no window yet", prequential);
  return lines
    .map(({ at, events, users, model, popularity, ...line }) => ({
      ...{ at, events, users, version: model },
      model: qualityOf(line),
      popularity: qualityOf(popularity),
      popularNow: line.popularNow && qualityOf(line.popularNow),
      popularThen: line.popularThen && qualityOf(line.popularThen),
      coVisits: line.coVisits && qualityOf(line.coVisits),
    }))
    .sort((a, b) => a.at - b.at);
}

const qualityOf = (figures: Readonly<Record<"recall@20" | typeof METRIC, number>>) => ({
  recall: figures["recall@20"],
  ndcg: figures[METRIC],
});

const nothing = (what: string, path: string) => new AppError("NOTHING_TO_PLOT", { what, path });

function mustBeThere(dir: string): void {
  if (!existsSync(dir)) throw new AppError("FILE_MISSING", { what: "no such folder", path: dir });
}

/** Undefined without the file. */
async function readLines<S extends z.ZodType>(path: string, shape: S): Promise<z.output<S>[] | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : valuesIn(text.split("\n"), shape);
}
