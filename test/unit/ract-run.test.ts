// RaCT as a run: first the critic learns alone, then it moves the network; parts add up, a checkpoint goes on where it
// stood.
import { beforeAll, describe, expect, test } from "vitest";
import { command as trainCommand } from "../../services/commands/train/main.ts";
import { Critic } from "../../services/server/run/critic.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Run } from "../../services/server/run/run.ts";
import { contentsOf, resumeOrBegin } from "../../services/server/saving/persistence.ts";
import type { Checkpoint } from "../../shared/checkpoints/checkpoints.ts";
import type { Manifest } from "../../shared/checkpoints/manifest.ts";
import { assembled } from "../../shared/checkpoints/pieces.ts";
import { permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { valuesOf } from "../../shared/neural/bag.ts";
import { criticShapes, initialCritic } from "../../shared/neural/critic.ts";
import { uploadDecoder } from "../../shared/neural/decoder.ts";
import { uploadHidden } from "../../shared/neural/hidden.ts";
import { initialise, type Weights } from "../../shared/neural/parameters.ts";
import { critique, splitRow } from "../../shared/neural/ract.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { criticPart, encoderPart } from "../../shared/neural/steps.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { ract as ofRact } from "../../shared/systems/ract/ract.ts";
import { turnedRecipe } from "../../shared/systems/turned.ts";
import { onEachBackend } from "./engines.ts";
import { trainOn } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const ITEMS = 20;
const SEED = 5;
const rows = Array.from({ length: 24 }, (_, user) =>
  Int32Array.from(permutation(user % 6, 1, ITEMS).subarray(0, 3 + (user % 5))),
);
const sizes = { hidden: 8, latent: 4 };
const recipe = turnedRecipe(
  ofRact.preset,
  { ...sizes, learningRate: 0.01, criticLearningRate: 0.003, criticEpochs: 2 },
  { items: ITEMS, users: 0 },
);
const flags = [
  "--model",
  "ract",
  "--from",
  "there",
  "--hidden=8",
  "--latent=4",
  "--learning-rate=0.01",
  "--critic-learning-rate=0.003",
];
const knobs = {
  ...readConfig(
    trainCommand,
    [...flags, "--critic-epochs=2", "--batch-size=10", "--part-size=5", `--seed=${SEED}`],
    {},
  ),
  model: "ract" as const,
};

const begin = (): Run => ({
  model: "ract",
  seed: SEED,
  schedule: { ...ofRact.preset.schedule, batchSize: 10 },
  partSize: 5,
  ...openParameters(recipe, initialise(recipe, 1)),
  critic: new Critic(0.003, SEED),
  posteriors: new Posteriors(4),
  step: 0,
  round: 0,
});
const copyOf = (weights: Weights) =>
  Object.fromEntries(Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));

onEachBackend((open) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });

  test("while the critic learns alone not a bit of the network changes; then both move", async () => {
    const run = begin();
    const [network, critic] = [copyOf(run.store.weights), run.critic!.state()];
    await trainOn(engine, run, rows, 2);
    expect(copyOf(run.store.weights)).toEqual(network);
    const learned = run.critic!.state();
    for (const [name] of criticShapes) expect(learned[name]!.data, name).not.toEqual(critic[name]!.data);
    await trainOn(engine, run, rows, 1);
    for (const [name, { data }] of Object.entries(copyOf(run.store.weights)))
      expect(data, name).not.toEqual(network[name]!.data);
    expect(run.critic!.state()).not.toEqual(learned);
  });

  test("the critic alone comes to guess better", async () => {
    const run = begin();
    const scorer = createScorer(engine, recipe, run.store.weights);
    const splits = rows.map((row, user) => splitRow(row, SEED, 999, user, 0.5));
    const scores_BI = scorer.scoreBatch(splits.map(({ kept }) => kept));
    const weightsOf = (state: Weights) => Object.fromEntries(criticShapes.map(([name]) => [name, state[name]!]));
    const nll_B = rows.map(({ length }) => 3 * length);
    const lossOf = () => critique(weightsOf(run.critic!.state()), scores_BI, splits, nll_B, 0).loss;
    const before = lossOf();
    await trainOn(
      engine,
      { ...run, ...openParameters({ ...recipe, critic: { ...recipe.critic!, epochs: 99 } }, run.store.weights) },
      rows,
      30,
    );
    expect(lossOf()).toBeLessThan(0.8 * before);
    scorer.dispose();
  });

  test("the network moves by the slope of the critic's guess: each user's likelihood weighs what it is worth there", () => {
    const weights = initialise(recipe, 3);
    const some = rows.slice(0, 6);
    const dropout = { seed: SEED, step: 7, users: [...some.keys()], rate: 0.5 };
    const bag_BH = openParameters(recipe, weights).store.bag({
      rows: some,
      values: valuesOf(recipe.input, some, dropout),
    });
    const splits = some.map((row, user) => splitRow(row, SEED, 7, user, 0.5));
    const critic = initialCritic(2, 0);
    const [hidden, decoder] = [uploadHidden(engine, recipe, weights), uploadDecoder(engine, weights)];
    // half of a batch, nothing drawn
    const part = { bag_BH, rows: some, noise_BL: new Float32Array(4 * some.length), batchSize: 12, beta: 0 };
    const plain = encoderPart(engine, hidden, decoder, { ...part }, true);
    const judged = encoderPart(engine, hidden, decoder, { ...part, forCritic: { critic, splits } }, true);
    expect(judged.reconstruction).toBe(plain.reconstruction);

    // Users one by one, of whom the likelihood alone is asked, give each user's score and gradient.
    const own = some.map((row, user) => {
      const alone = {
        ...part,
        bag_BH: bag_BH.slice(8 * user, 8 * (user + 1)),
        rows: [row],
        noise_BL: new Float32Array(4),
        batchSize: 1,
      };
      return encoderPart(engine, hidden, decoder, alone, true);
    });
    const found = criticPart(engine, hidden, decoder, { ...part, critic, splits });
    for (const [name] of criticShapes) expect(found.gradients[name]!.data, name).toEqual(judged.gradients[name]!.data);
    const slopes = worth(
      critic,
      splits,
      own.map(({ reconstruction }) => reconstruction),
    );
    for (const name of ["decoder.fc2.bias", "encoder.fc2.weight"]) {
      const expected = own[0]!.gradients[name]!.data.map((_, k) =>
        own.reduce((sum, each, user) => sum + (each.gradients[name]!.data[k]! * slopes[user]!) / 2, 0),
      );
      expect(deviation(judged.gradients[name]!.data, expected), name).toBeLessThan(1e-3);
    }

    /** What half of the batch is to the mean guess; the lists' NDCG does not matter to it. */
    function worth(critic: Weights, splits: Parameters<typeof critique>[2], nll_B: readonly number[]): Float64Array {
      return critique(critic, new Float32Array(ITEMS * splits.length), splits, nll_B, 0).dNll_B;
    }
  });

  test("a run that goes on from a checkpoint ends with the same bytes", async () => {
    const whole = begin();
    await trainOn(engine, whole, rows, 5);
    const first = begin();
    await trainOn(engine, first, rows, 3);
    const {
      weights,
      state: rest,
      pieces,
      training,
      facts,
      vocabulary,
    } = contentsOf(first, {
      salt: "",
      tableVersion: null,
      watermark: null,
      vocabulary: [],
    });
    const state = { ...rest, ...assembled(pieces!.map(({ tensors }) => tensors!)) };
    const manifest = { ...facts, sha256: {} } as unknown as Manifest<"ract">;
    const checkpoint = {
      dir: "",
      weights: copyOf(weights),
      state: copyOf(state),
      training: JSON.parse(JSON.stringify(training)),
      manifest,
      vocabulary,
    };
    const { run } = resumeOrBegin(checkpoint as Checkpoint, knobs, ITEMS);
    await trainOn(engine, run, rows, 2);
    expect(copyOf(run.store.weights)).toEqual(copyOf(whole.store.weights));
    expect(run.critic!.state()).toEqual(whole.critic!.state());
    const { [criticShapes[0]![0]]: _, ...torn } = state;
    expect(() => resumeOrBegin({ ...checkpoint, state: torn } as Checkpoint, knobs, ITEMS)).toThrow(
      /CHECKPOINT_CORRUPT: tensor critic\.fc1\.weight/,
    );
  });
});

describe("what is asked of RaCT", () => {
  const read = (...more: string[]) => readConfig(trainCommand, ["--model", "ract", "--from", "there", ...more], {});

  test.each([
    [["--epochs", "25"], /--epochs "25": ract's critic learns alone for 25 epochs/],
    [["--epochs", "9", "--critic-epochs", "9"], /--epochs "9": ract's critic learns alone for 9 epochs/],
    [["--dropout-rate", "0"], /dropout/],
    [["--likelihood", "warp"], /--likelihood "warp": is no setting of ract/],
    [["--alternating"], /--alternating: ract moves encoder and decoder together/],
  ])("%j is refused", (more, message) => {
    expect(() => read(...more)).toThrow(message);
  });

  test("its own settings are none of the others'", () => {
    expect(() => readConfig(trainCommand, ["--critic-epochs", "3"], {})).toThrow(
      /--critic-epochs "3": is no setting of recvae/,
    );
    expect(() => readConfig(trainCommand, ["--model", "mult-vae", "--critic-learning-rate", "3"], {})).toThrow(
      /is no setting of mult-vae/,
    );
  });
});
