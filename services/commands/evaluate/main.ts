// The `evaluate` command: a checkpoint's metrics on held-out users of a dataset directory or a table, beside
// popularity's and EASE's, with what they hold for.
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { toldDataset } from "../../../shared/corpus/corpus.ts";
import { mustNameOne } from "../../../shared/corpus/source.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { writePerUser } from "../../../shared/judging/per-user.ts";
import { fromDataset, fromTable, hasTargets, parts } from "../../../shared/judging/subject.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { told } from "../../../shared/runtime/working.ts";
import { folderHere } from "../../../shared/storage/copies.ts";
import { contractOf } from "./contract.ts";
import { openJudged } from "./model.ts";
import { options } from "./options.ts";
import { measure } from "./references.ts";
import { reportOf, scoredOf, tableOf } from "./report.ts";
import { streamReport } from "./stream/run.ts";

/** Of the bootstrap's draws. */
const SEED = 1337;

export const command = defineCommand({
  name: "evaluate",
  summary: "A checkpoint's NDCG and Recall on held-out users, or what a stream was served, beside references",
  options,
  async run(config, { signal }) {
    const { data, table, k, ease, easeLambda, perUser, maxUsers, engine: wanted, json } = config;
    if (config.stream !== undefined) {
      process.stdout.write(await streamReport(config.stream, config.parts, json));
      return;
    }
    const checkpoint = config.checkpoint!;
    const checkpointDir = await folderHere(checkpoint);
    mustNameOne({ data, table });
    const engine = await openEngine({ threads: 1, wanted });
    const dataset = data === undefined ? undefined : await toldDataset(data, signal);
    const { manifest, vocabulary, scoreBatch } = await openJudged(engine, checkpointDir, dataset);
    const subject = dataset
      ? fromDataset(data!, dataset, vocabulary, manifest)
      : await told("reading the table", (along) => fromTable(table!, vocabulary, manifest, maxUsers, along));

    if (!parts.some((part) => hasTargets(subject[part])))
      throw new AppError("NOBODY_HELD_OUT", { what: "nobody is there to judge on", path: data ?? table! });
    const items = vocabulary.items.length;
    const wish = { ks: [...new Set(k)].sort((a, b) => a - b), lambda: ease ? easeLambda : null, seed: SEED };
    const model = { vocabulary, scoreBatch, mix: manifest?.trends };
    const measured = await measure(engine, model, subject, wish, signal).catch((error: unknown) => {
      if (error !== signal.reason) throw error;
      return undefined; // asked to stop
    });
    if (!measured) return;
    const contract = contractOf(subject, wish, measured, {
      items,
      manifest,
      engine: `${engine.name} ${engine.version} on ${engine.device}`,
    });
    if (perUser !== undefined)
      await writePerUser(
        perUser,
        { epoch: manifest?.round ?? 0, step: manifest?.step ?? 0 },
        scoredOf(subject, measured),
      );
    process.stdout.write(
      json ? `${JSON.stringify(reportOf(checkpoint, contract, measured))}\n` : tableOf(contract, measured),
    );
  },
});
