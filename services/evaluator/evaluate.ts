// The `evaluate` command: a checkpoint's metrics beside popularity's, on the validation and test users of a dataset directory or of a table.
import { z } from "zod";
import { type Engine, openEngine } from "../../shared/engine/engine.ts";
import { Histories } from "../../shared/events/histories.ts";
import type { Vocabulary } from "../../shared/events/vocabulary.ts";
import { type Evaluation, evaluate, type HeldOutUser, popularityScores } from "../../shared/ranking/evaluate.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { type Dataset, readDataset } from "../../shared/csv/dataset.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Manifest } from "../../shared/checkpoint/manifest.ts";
import { openModel, openWeights } from "../../shared/checkpoint/scoring.ts";
import { weightsAlone } from "../../shared/checkpoint/weights.ts";
import { openExistingEvents } from "../../shared/table/events.ts";
import { followTable } from "../../shared/table/follow.ts";
import { heldOut, popularityIn, translated, translation } from "./heldout.ts";

const options = z.object({
  checkpoint: z.string().describe("a checkpoint, a published model, what `train` left, or PyTorch's weights as a .safetensors file"),
  data: z.string().optional().describe("dataset directory"),
  table: z.string().optional().describe("table, read to its newest version"),
  maxUsers: z.coerce.number().int().min(1).default(10_000).describe("held-out users of each part of a table, at most"),
  json: z.boolean().default(false).describe("print JSON"),
});

/** Held-out users and the popularity of items, in the model's columns. */
interface Subject {
  readonly validation: readonly HeldOutUser[];
  readonly test: readonly HeldOutUser[];
  readonly popularity: Float64Array;
  /** What the figures hold for. */
  readonly contract: Record<string, string | number>;
}

export const command = defineCommand({
  name: "evaluate",
  summary: "A checkpoint's NDCG and Recall on held-out users, beside plain popularity",
  options,
  async run({ checkpoint, data, table, maxUsers, json }) {
    if ((data === undefined) === (table === undefined)) throw new AppError("USAGE", { what: "give either --data or --table" });
    const engine = await openEngine({ threads: 1 });
    const dataset = data === undefined ? undefined : readDataset(data);
    const { manifest, vocabulary, scoreBatch } = await open(engine, checkpoint, dataset);
    const subject = dataset ? fromDataset(dataset, vocabulary) : await fromTable(table!, saltOf(manifest), vocabulary, maxUsers);

    const both = (users: readonly HeldOutUser[]) => ({
      model: evaluate(scoreBatch, users, vocabulary.items.length),
      popularity: evaluate(popularityScores(subject.popularity), users, vocabulary.items.length),
    });
    const parts = { validation: both(subject.validation), test: both(subject.test) };
    const contract = {
      ...subject.contract,
      masking: "fold-in",
      step: manifest?.step ?? "unknown",
      engine: `${engine.name} ${engine.version}`,
    };
    process.stdout.write(json ? `${JSON.stringify(reportOf(checkpoint, contract, parts))}\n` : tableOf(contract, parts));
  },
});

/** A checkpoint of ours, or weights alone, whose columns are the dataset's. */
async function open(engine: Engine, checkpoint: string, dataset: Dataset | undefined) {
  const path = weightsAlone(checkpoint);
  if (path === undefined) return openModel(engine, checkpoint);
  if (!dataset)
    throw new AppError("CHECKPOINT_MISMATCH", { what: "weights without a manifest know nothing of a table; give --data", path });
  return { ...(await openWeights(engine, path, dataset.items)), manifest: undefined };
}

/** Decides who is held out of the table. Throws CHECKPOINT_MISMATCH when the model did not hold them out. */
function saltOf(manifest: Manifest | undefined): string {
  if (manifest && manifest.tableVersion !== null) return manifest.salt;
  throw new AppError("CHECKPOINT_MISMATCH", {
    what: "it was trained from a dataset directory: a table's held-out users may be its training users",
  });
}

/** Throws CHECKPOINT_MISMATCH when model and data have no item in common. */
function fromDataset(dataset: Dataset, vocabulary: Vocabulary): Subject {
  const columnOf = translation(dataset.items, vocabulary);
  if (!columnOf.some((column) => column >= 0))
    throw new AppError("CHECKPOINT_MISMATCH", { what: "the checkpoint knows no item of this dataset" });
  const popularity = new Float64Array(vocabulary.items.length);
  for (const row of dataset.train) for (const column of translated(row, columnOf)) popularity[column]!++;
  const inColumns = (users: readonly HeldOutUser[]) =>
    users.map(({ foldIn, target }) => ({ foldIn: translated(foldIn, columnOf), target: translated(target, columnOf) }));
  return { validation: inColumns(dataset.validation), test: inColumns(dataset.test), popularity, contract: { split: "the dataset's own" } };
}

async function fromTable(table: string, salt: string, vocabulary: Vocabulary, limit: number): Promise<Subject> {
  await openExistingEvents(table);
  const histories = new Histories(salt);
  const { version } = await followTable(table, histories).catchUp();
  return {
    validation: heldOut(histories, "validation", salt, vocabulary, limit),
    test: heldOut(histories, "test", salt, vocabulary, limit),
    popularity: popularityIn(histories, vocabulary),
    contract: { split: "users by hash", salt, tableVersion: version, maxUsers: limit },
  };
}

type Both = { model: Evaluation; popularity: Evaluation };
type Parts = Record<"validation" | "test", Both>;
const metricsOf = ({ users: _users, withoutTarget: _without, perUser: _perUser, ...metrics }: Evaluation) => metrics;

function reportOf(checkpoint: string, contract: object, parts: Parts) {
  const part = ({ model, popularity }: Both) => ({
    users: model.users,
    withoutTarget: model.withoutTarget,
    model: metricsOf(model),
    popularity: metricsOf(popularity),
  });
  return { checkpoint, contract, validation: part(parts.validation), test: part(parts.test) };
}

function tableOf(contract: object, parts: Parts): string {
  const lines = Object.entries(parts).flatMap(([name, { model, popularity }]) => {
    const left = model.withoutTarget > 0 ? `, ${model.withoutTarget} without a target left out` : "";
    const cell = ({ mean, standardError }: { mean: number; standardError: number }) =>
      `${mean.toFixed(4)} ± ${standardError.toFixed(4)}`.padStart(17);
    const rows = (Object.keys(metricsOf(model)) as (keyof ReturnType<typeof metricsOf>)[]).map(
      (metric) => `  ${metric.padEnd(12)}${cell(model[metric])}${cell(popularity[metric])}`,
    );
    return [`${name}: ${model.users} users${left}`, `  ${"".padEnd(12)}${"model".padStart(17)}${"popularity".padStart(17)}`, ...rows, ""];
  });
  const facts = Object.entries(contract).map(([name, value]) => `${name} ${value}`);
  return `${lines.join("\n")}\n${facts.join(", ")}\n`;
}
