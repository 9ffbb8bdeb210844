// The `evaluate` command: a checkpoint's metrics on held-out users of a dataset directory or a table, beside popularity's and EASE's, with what they hold for.
import { z } from "zod";
import { openModel, openWeights } from "../../shared/checkpoints/scoring.ts";
import { weightsAlone } from "../../shared/checkpoints/weights.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { type Dataset, readDataset } from "../../shared/corpus/dataset.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { type Scored, writePerUser } from "../../shared/judging/per-user.ts";
import { resamples } from "../../shared/ranking/bootstrap.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { numbers } from "../../shared/runtime/lists.ts";
import { file, folder } from "../../shared/runtime/location.ts";
import { say } from "../../shared/runtime/terminal.ts";
import { usualLambda } from "../../shared/systems/ease/ease.ts";
import { type Measured, measure } from "./references.ts";
import { reportOf, tableOf } from "./report.ts";
import { fromDataset, fromTable, hasTargets, parts, type Subject } from "./subject.ts";

/** Of the bootstrap's draws. */
const SEED = 1337;

const options = z.object({
  checkpoint: folder().describe("a checkpoint, a published model, what `train` left, or PyTorch's weights as a .safetensors file"),
  data: folder().optional().describe("dataset directory"),
  table: folder().optional().describe("table, read to its newest version"),
  k: numbers(1000).default([20, 50, 100]).describe("lengths of the lists that are judged"),
  ease: z.boolean().default(true).describe("EASE as a reference line, where there are at most 20,000 items; --no-ease leaves it out"),
  easeLambda: z.coerce.number().positive().default(usualLambda).describe("its regularisation"),
  perUser: file().optional().describe("Parquet file for every user's metrics"),
  maxUsers: z.coerce.number().int().min(1).default(10_000).describe("held-out users of each part of a table, at most"),
  json: z.boolean().default(false).describe("print JSON"),
});

export const command = defineCommand({
  name: "evaluate",
  summary: "A checkpoint's NDCG and Recall on held-out users, beside popularity and EASE",
  options,
  async run({ checkpoint, data, table, k, ease, easeLambda, perUser, maxUsers, json }, { signal }) {
    if ((data === undefined) === (table === undefined)) throw new AppError("USAGE", { what: "give either --data or --table" });
    const engine = await openEngine({ threads: 1 });
    const dataset = data === undefined ? undefined : readDataset(data);
    const { manifest, vocabulary, scoreBatch } = await open(engine, checkpoint, dataset);
    const subject = dataset ? fromDataset(data!, dataset, vocabulary, manifest) : await fromTable(table!, vocabulary, manifest, maxUsers);

    if (!parts.some((part) => hasTargets(subject[part])))
      throw new AppError("NOBODY_HELD_OUT", { what: "nobody is there to judge on", path: data ?? table! });
    const ks = [...new Set(k)].sort((a, b) => a - b);
    const wish = { ks, lambda: ease ? easeLambda : null, seed: SEED };
    const measured = await measure(engine, scoreBatch, subject, vocabulary.items.length, wish, say, signal).catch((error: unknown) => {
      if (error !== signal.reason) throw error;
      return undefined; // asked to stop
    });
    if (!measured) return;
    const standing = manifest ?? { step: "unknown", round: "unknown" };
    const contract = {
      ...subject.contract,
      masking: "fold-in",
      ties: "by column",
      k: ks,
      items: vocabulary.items.length,
      users: { train: subject.train.length, validation: measured.validation.users, test: measured.test.users },
      step: standing.step,
      round: standing.round,
      temporal: subject.withoutTemporal ?? "users who came back: fold-in until the model was trained, target since",
      engine: `${engine.name} ${engine.version}`,
      ease: measured.ease,
      interval: `95 %, percentile bootstrap over users, ${resamples} resamples, seed ${SEED}`,
    };
    if (perUser !== undefined)
      await writePerUser(perUser, { epoch: manifest?.round ?? 0, step: manifest?.step ?? 0 }, scoredOf(subject, measured));
    process.stdout.write(json ? `${JSON.stringify(reportOf(checkpoint, contract, measured))}\n` : tableOf(contract, measured));
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

const scoredOf = (subject: Subject, measured: Measured): Scored[] =>
  parts.flatMap((part) =>
    Object.entries(measured[part]?.lines ?? {}).map(([scorer, { perUser }]) => ({
      part,
      scorer,
      users: subject[part].map(({ user }) => user),
      metrics: perUser,
    })),
  );
