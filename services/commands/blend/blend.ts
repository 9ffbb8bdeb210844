// Two models -> one that mixes their scores, by the weight that validation users choose. What it leaves is a model like
// any other, with the report that `train` leaves.
import { join } from "node:path";
import { blendedModel, mustGoTogether } from "../../../shared/checkpoints/blends.ts";
import { loadModel, type Model, saveModel } from "../../../shared/checkpoints/checkpoints.ts";
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { toldDataset } from "../../../shared/corpus/corpus.ts";
import { mustNameOne } from "../../../shared/corpus/source.ts";
import { writeWhole } from "../../../shared/disk/whole-file.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { Vocabulary } from "../../../shared/events/vocabulary.ts";
import { keepEpoch, keepTest } from "../../../shared/judging/per-user.ts";
import { fromDataset, fromTable, hasTargets } from "../../../shared/judging/subject.ts";
import { judgeHeldOut, meansOf } from "../../../shared/judging/summaries.ts";
import { blended, chooseWeight } from "../../../shared/ranking/blend.ts";
import { finish } from "../../../shared/runtime/finish.ts";
import { told } from "../../../shared/runtime/working.ts";
import { folderHere } from "../../../shared/storage/copies.ts";
import { parametersOf, systemOf } from "../../../shared/systems/registry.ts";
import type { Config } from "./options.ts";

export async function blend(
  { checkpoint, with: other, data, table, maxUsers, out, json }: Config,
  signal: AbortSignal,
): Promise<void> {
  mustNameOne({ data, table });
  const startedAt = performance.now();
  const both = [await loadModel(await folderHere(checkpoint)), await loadModel(await folderHere(other))] as const;
  mustGoTogether(both);
  const engine = await openEngine({ threads: 1, wanted: "auto" });
  const vocabulary = new Vocabulary(both[0].vocabulary);
  const items = vocabulary.items.length;
  const { facts } = blendedModel(both, 0);
  const subject =
    data === undefined
      ? await told("reading the table", (along) => fromTable(table!, vocabulary, facts, maxUsers, along))
      : fromDataset(data, await toldDataset(data, signal), vocabulary, facts);

  if (!hasTargets(subject.validation))
    throw new AppError("NOBODY_HELD_OUT", {
      what: "no validation user is there to choose the weight by",
      path: data ?? table!,
    });
  const scoreOf = ({ manifest: { model, config }, weights }: Model) =>
    systemOf(model).scorer(engine, config, weights).scoreBatch;
  const [first, second] = [scoreOf(both[0]), scoreOf(both[1])];
  const { weight, curve } = await told("choosing the weight", (along) =>
    finish(chooseWeight(first, second, subject.validation, items), signal, along),
  );
  const made = blendedModel(both, weight);
  const judge = (part: "validation" | "test") =>
    told(`judging on ${subject[part].length} ${part} users`, (along) =>
      judgeHeldOut(part, subject[part], blended(first, second, weight), items, signal, along),
    );
  const [validation, test] = [await judge("validation"), await judge("test")];

  const seconds = (performance.now() - startedAt) / 1000;
  const report = {
    model: "blend",
    settings: {
      weight,
      parts: [checkpoint, other].map((path, k) => ({
        path,
        model: both[k]!.manifest.model,
        settings: both[k]!.manifest.config,
      })),
    },
    data: data ?? table,
    seed: made.facts.seed,
    engine: `${engine.name} ${engine.version}`,
    trainers: 0,
    threads: engine.threads,
    sync: "none",
    wallSeconds: seconds,
    parameters: both.reduce((sum, { manifest, weights }) => sum + parametersOf(manifest.model, weights), 0),
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    /** Mean NDCG@100 of the validation users by the first model's share. */
    weights: curve.map(({ weight, "ndcg@100": { mean } }) => ({ weight, "ndcg@100": mean })),
    epochs: [{ epoch: 1, seconds, validation: { "ndcg@100": validation.summaries["ndcg@100"].mean } }],
    best: { epoch: 1, validation: meansOf(validation.summaries), test: test.summaries },
  };
  await saveModel(out, made.weights, made.facts, both[0].vocabulary);
  const standing = { epoch: 1, step: made.facts.step };
  await keepEpoch(join(out, "evaluations"), standing, [validation.perUser]);
  await keepTest(join(out, "evaluations"), standing, test.perUser);
  await writeWhole(join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  process.stderr.write(
    `${weight.toFixed(2)} of ${checkpoint}, ${(1 - weight).toFixed(2)} of ${other}: ` +
      `${JSON.stringify(test.summaries)}\n`,
  );
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}
