// Numbers of the authors' own implementation (float64), reproduced by both engines. A new case is a new file in the
// folder, no code.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openParameters } from "../../services/server/run/parameters.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { normalisedRow } from "../../shared/neural/bag.ts";
import { embeddingName, type Weights } from "../../shared/neural/parameters.ts";
import { bagWidth, latentOf } from "../../shared/neural/recipe.ts";
import { ndcg, rankingOf, recall } from "../../shared/ranking/metrics.ts";
import { lossChecks } from "./baselines/losses.ts";
import { neuralChecks } from "./baselines/neural.ts";
import { asFitted, solvedChecks } from "./baselines/solved.ts";
import { onEachEngine, onTheCompiledGraph } from "./engines.ts";
import { bagOf, configOf, decoderStep, deviation, encoderStep, networkOf, posteriors, valuesOf } from "./recvae.ts";

type Nested = number | Nested[];
type Arrays = Record<string, Nested>;
interface OneStep {
  config: { learningRate: number };
  weights: { encoder: Arrays; encoderOld: Arrays; decoder: Arrays };
  batch: number[][];
  kept: number[][];
  noise: number[][];
  encoderStep: Record<"mu" | "logvar" | "oldMu" | "oldLogvar", Nested> &
    Expected & { weightedKl: number; loss: number };
  decoderStep: Expected;
  evaluation: { logits: Nested };
}
interface Expected {
  logLikelihood: number;
  gradients: Arrays;
  weightsAfterAdam: Arrays;
}
interface Trajectory {
  config: object;
  weights: OneStep["weights"];
  users: number[][];
  steps: {
    phase: "encoder" | "decoder";
    users: number[];
    kept?: number[][];
    noise: number[][];
    logLikelihood: number;
    weightedKl: number;
  }[];
  final: OneStep["weights"];
}

const folder = process.env.TRIBUTARY_FIXTURES ?? "test/golden";
const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), "utf8")) as T;
const names = readdirSync(join(folder, "recvae")).filter((name) => name.endsWith(".json"));
const trajectories = names.filter((name) => "steps" in read<object>("recvae", name));
const oneSteps = names.filter((name) => !trajectories.includes(name));
const tolerance = 1e-4;

const checks = { ...solvedChecks, ...neuralChecks, ...lossChecks };
const modelOf = (name: string) => read<{ model: string }>("baselines", name).model;
const baselines = readdirSync(join(folder, "baselines")).filter((name) => name.endsWith(".json"));

test("the folder of golden numbers is not empty", () => {
  expect(names).not.toEqual([]);
  expect(baselines).not.toEqual([]);
});

const onAnEngine: Parameters<typeof onEachEngine>[0] = (open) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });

  test.each(oneSteps)("%s: an encoder step's likelihood, KL term and every gradient", (file) => {
    const { fixture, step } = firstStep(engine, file);
    expect(deviation([-step.reconstruction], [fixture.encoderStep.logLikelihood])).toBeLessThan(tolerance);
    expect(deviation([step.kl], [fixture.encoderStep.weightedKl])).toBeLessThan(tolerance);
    expect(deviation([step.reconstruction + step.kl], [fixture.encoderStep.loss])).toBeLessThan(tolerance);
    expectClose(step.gradients, weightsOf(fixture.encoderStep.gradients, "encoder"));
  });

  test.each(oneSteps)("%s: the posterior under dropout, and the old encoder's", (file) => {
    const { fixture, old, config, weights, batch } = firstStep(engine, file);
    const { mu_BL, logvar_BL } = decoderStep(engine, config, weights, batch);
    expect(deviation(mu_BL, flat(fixture.encoderStep.mu))).toBeLessThan(tolerance);
    expect(deviation(logvar_BL, flat(fixture.encoderStep.logvar))).toBeLessThan(tolerance);
    expect(deviation(old.mu_BL, flat(fixture.encoderStep.oldMu))).toBeLessThan(tolerance);
    expect(deviation(old.logvar_BL, flat(fixture.encoderStep.oldLogvar))).toBeLessThan(tolerance);
  });

  test.each(oneSteps)("%s: every weight after one Adam step of the encoder", (file) => {
    const { fixture, weights } = afterEncoderStep(engine, file);
    expectAfterAdam(weights, fixture.encoderStep, "encoder", fixture.config.learningRate);
  });

  test.each(oneSteps)("%s: a decoder step's likelihood, gradients and weights after Adam", (file) => {
    const { fixture, weights, step } = afterDecoderStep(engine, file);
    expect(deviation([-step.reconstruction], [fixture.decoderStep.logLikelihood])).toBeLessThan(tolerance);
    expectClose(step.gradients, weightsOf(fixture.decoderStep.gradients, "decoder"));
    expectAfterAdam(weights, fixture.decoderStep, "decoder", fixture.config.learningRate);
  });

  test.each(oneSteps)("%s: the logits of an evaluation", (file) => {
    const { fixture, weights, config, rows } = afterDecoderStep(engine, file);
    const network = networkOf(engine, config, weights);
    const values = rows.map((row) => normalisedRow(row));
    const logits = network.score(bagOf(weights[embeddingName]!.data, bagWidth(config), rows, values));
    expect(deviation(logits, flat(fixture.evaluation.logits))).toBeLessThan(tolerance);
  });

  test.each(baselines)("baselines/%s: what the system computes", async (file) => {
    await (checks[modelOf(file)] ?? asFitted)(engine, read("baselines", file));
  });

  test.each(trajectories)("%s: the losses of every step of the full schedule, and all weights at its end", (file) => {
    const fixture = read<Trajectory>("recvae", file);
    const config = configOf(fixture.config);
    const parameters = openParameters(config, weightsIn(fixture));
    const { weights } = parameters.store;
    const allRows = rowsOf(fixture.users);
    let old = posteriors(engine, config, weightsOf(fixture.weights.encoderOld, "encoder"), allRows);
    fixture.steps.forEach((expected, index) => {
      const { phase, users } = expected;
      const rows = users.map((user) => allRows[user]!);
      if (phase === "decoder" && fixture.steps[index - 1]?.phase === "encoder")
        old = posteriors(engine, config, weights, allRows);
      const values = expected.kept
        ? valuesOf(rows, expected.kept, config.dropoutRate)
        : rows.map((row) => normalisedRow(row));
      const batch = { rows, values, noise_BL: flat(expected.noise) };
      const known = {
        mu_BL: pick(old.mu_BL, users, latentOf(config)),
        logvar_BL: pick(old.logvar_BL, users, latentOf(config)),
      };
      // a decoder step leaves the KL term out: it moves nothing there
      const ofEncoder = encoderStep(engine, config, weights, known, batch);
      const step = phase === "encoder" ? ofEncoder : decoderStep(engine, config, weights, batch);
      expect(
        deviation([-step.reconstruction], [expected.logLikelihood]),
        `log-likelihood of step ${index}`,
      ).toBeLessThan(tolerance);
      expect(deviation([ofEncoder.kl], [expected.weightedKl]), `KL of step ${index}`).toBeLessThan(tolerance);
      step.apply(parameters.updater);
    });
    expectClose(weights, {
      ...weightsOf(fixture.final.encoder, "encoder"),
      ...weightsOf(fixture.final.decoder, "decoder"),
    });
    const lastOld = posteriors(engine, config, weightsOf(fixture.final.encoderOld, "encoder"), allRows);
    expect(deviation(old.mu_BL, lastOld.mu_BL)).toBeLessThan(tolerance);
  });
};
onEachEngine(onAnEngine);
onTheCompiledGraph(onAnEngine);

const metrics = read<{
  scores: number[][];
  foldIn: number[][];
  heldOut: number[][];
  /** Null: the user has no held-out item. */
  ndcg: Record<string, (number | null)[]>;
  recall: Record<string, (number | null)[]>;
}>("metrics.json");
test.each(metrics.scores.map((_, user) => user))("metrics.json: NDCG and recall of user %i at every k", (user) => {
  const targets = Int32Array.from(metrics.heldOut[user]!);
  for (const k of Object.keys(metrics.ndcg)) {
    const top = rankingOf(Float64Array.from(metrics.scores[user]!), Int32Array.from(metrics.foldIn[user]!), Number(k));
    const agree = (name: string, found: number, expected: number | null) =>
      expect(found, `${name}@${k}`).toSatisfy((value) =>
        expected === null ? Number.isNaN(value) : Math.abs(value - expected) < 5e-9,
      );
    agree("NDCG", ndcg(top, targets, Number(k)), metrics.ndcg[k]![user] ?? null);
    agree("Recall", recall(top, targets, Number(k)), metrics.recall[k]![user] ?? null);
  }
});

function firstStep(engine: Engine, file: string) {
  const fixture = read<OneStep>("recvae", file);
  const config = configOf(fixture.config);
  const parameters = openParameters(config, weightsIn(fixture));
  const { weights } = parameters.store;
  const rows = rowsOf(fixture.batch);
  const old = posteriors(engine, config, weightsOf(fixture.weights.encoderOld, "encoder"), rows);
  const batch = { rows, values: valuesOf(rows, fixture.kept, config.dropoutRate), noise_BL: flat(fixture.noise) };
  return {
    fixture,
    config,
    updater: parameters.updater,
    weights,
    rows,
    old,
    batch,
    step: encoderStep(engine, config, weights, old, batch),
  };
}

function afterEncoderStep(engine: Engine, file: string) {
  const { step, ...rest } = firstStep(engine, file);
  step.apply(rest.updater);
  return rest;
}

function afterDecoderStep(engine: Engine, file: string) {
  const rest = afterEncoderStep(engine, file);
  const { fixture, config, weights, rows } = rest;
  const step = decoderStep(engine, config, weights, {
    rows,
    values: rows.map((row) => normalisedRow(row)),
    noise_BL: flat(fixture.noise),
  });
  step.apply(rest.updater);
  return { ...rest, step };
}

function weightsIn({ weights }: Pick<OneStep, "weights">): Weights {
  return { ...weightsOf(weights.encoder, "encoder"), ...weightsOf(weights.decoder, "decoder") };
}

/** A fixture's arrays under our names; W1 turned to one row per item. */
function weightsOf(arrays: Arrays, part: "encoder" | "decoder"): Weights {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => {
      const turned =
        name === "fc1.weight"
          ? (values as number[][])[0]!.map((_, item) => (values as number[][]).map((row) => row[item]!))
          : values;
      const outer = turned as Nested[];
      const shape = Array.isArray(outer[0]) ? [outer.length, outer[0].length] : [outer.length];
      return [`${part}.${name}`, { shape, data: flat(turned) }];
    }),
  );
}

/**
 * Adam's first step is the gradient's sign. Where a gradient lies below what float32 resolves beside the largest of its
 * tensor, its sign is rounding: such a weight, one in a million, may have gone the other way.
 */
function expectAfterAdam(
  actual: Weights,
  { weightsAfterAdam, gradients }: Expected,
  part: "encoder" | "decoder",
  rate: number,
): void {
  const given = weightsOf(gradients, part);
  const expected = weightsOf(weightsAfterAdam, part);
  for (const [name, { data }] of Object.entries(expected)) {
    const sizes = given[name]!.data.map(Math.abs);
    const resolved = 2 ** -23 * sizes.reduce((largest, size) => Math.max(largest, size), 0);
    data.forEach((value, k) => {
      const isRounding = sizes[k]! > 0 && sizes[k]! < resolved && Math.abs(actual[name]!.data[k]! - value) <= 2 * rate;
      if (isRounding) data[k] = actual[name]!.data[k]!;
    });
  }
  expectClose(actual, expected);
}

function expectClose(actual: Weights, expected: Weights): void {
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]?.shape, name).toEqual(shape);
    expect(deviation(actual[name]!.data, data), name).toBeLessThan(tolerance);
  }
}

function flat(values: Nested): Float32Array {
  return Float32Array.from([values].flat(3) as number[]);
}

function rowsOf(lists: number[][]): Int32Array[] {
  return lists.map((list) => Int32Array.from(list));
}

function pick(table_UL: Float32Array, users: readonly number[], latent: number): Float32Array {
  return flat(users.map((user) => [...table_UL.subarray(user * latent, (user + 1) * latent)]));
}
