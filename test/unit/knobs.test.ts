// The flags of a training run: what they turn, what is refused, and that `train` hands them on as they were given.
import { expect, test } from "vitest";
import { z } from "zod";
import { recipe } from "../../shared/neural/recipe.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { defineCommand, readConfig } from "../../shared/runtime/command.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { neuralNames, systemOf } from "../../shared/systems/registry.ts";
import { systemFlag } from "../../shared/systems/system-flag.ts";
import { consistent, knobArguments, knobs, modelOf, scheduleOf } from "../../shared/training/knobs.ts";

const command = defineCommand({
  name: "train",
  summary: "",
  options: z.object(knobs).superRefine(consistent),
  run: async () => {},
});
const read = (...flags: string[]) => readConfig(command, flags, {});
/** Whatever contradicts what. */
const flagsAlone = defineCommand({ ...command, options: z.object(knobs) });
const given = (...flags: readonly string[]) => readConfig(flagsAlone, flags, {});

/** Those whose parts can be turned. */
const familyNames = neuralNames.filter((name) => !systemOf(name).preset.settled);

/** Flags with their values, as the command line gives them to the schema. */
function flagsIn(flags: readonly string[]): [name: string, value: string | boolean][] {
  const camel = (flag: string) => flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return flags.flatMap((flag, k) =>
    flag.startsWith("--") ? [[camel(flag), flags[k + 1]?.startsWith("--") === false ? flags[k + 1]! : true]] : [],
  );
}

test("without a flag, model and schedule are the authors' own", () => {
  expect(modelOf(read(), 20)).toEqual({ ...defaults, items: 20 });
  expect(scheduleOf(read())).toEqual(usualSchedule);
});

test("a flag that is on by default is turned off by --no-", () => {
  const options = z.object({ sharedMemory: z.boolean().default(true), notices: z.boolean().default(false) });
  const server = defineCommand({ name: "server", summary: "", options, run: async () => {} });
  expect(readConfig(server, [], {})).toEqual({ sharedMemory: true, notices: false });
  expect(readConfig(server, ["--no-shared-memory"], {})).toEqual({ sharedMemory: false, notices: false });
  expect(readConfig(server, ["--notices", "--shared-memory"], {})).toEqual({ sharedMemory: true, notices: true });
  expect(() => readConfig(server, ["--no-memory"], {})).toThrow(/--no-memory is no flag/);
});

test("every knob of the paper's ablation reaches model and schedule", () => {
  const values = read(
    "--beta",
    "0.2",
    "--mixture-weights",
    "1,0,0",
    "--dropout-rate",
    "0.3",
    "--decoder-passes",
    "2",
    "--decoder-noise",
  );
  expect(modelOf(values, 20)).toMatchObject({ gamma: null, beta: 0.2, mixtureWeights: [1, 0, 0], dropoutRate: 0.3 });
  expect(scheduleOf(values)).toMatchObject({
    encoderPasses: 3,
    decoderPasses: 2,
    decoderNoise: true,
    alternating: true,
  });
  expect(scheduleOf(read("--no-alternating", "--encoder-passes", "1"))).toMatchObject({
    encoderPasses: 1,
    alternating: false,
  });
});

test("without a flag a system of the family is its preset; a flag turns its part of it", () => {
  const sizes = { items: 20, users: 0 };
  for (const model of familyNames) {
    const { recipe, ownVectors, schedule } = systemOf(model).preset;
    const users = ownVectors ? 30 : 0;
    expect(modelOf({ ...read(), model }, 20, 30), model).toEqual({ critic: null, ...recipe, ...sizes, users });
    expect(scheduleOf({ ...read(), model }), model).toEqual(schedule);
  }
  const turned = given(
    "--hidden",
    "50",
    "--encoder",
    "residual",
    "--decoder",
    "linear",
    "--prior",
    "composite",
    "--alternating",
  );
  expect(modelOf({ ...turned, model: "mult-vae" }, 20)).toMatchObject({
    encoder: { kind: "residual", width: 50 },
    decoder: [],
    regulariser: { kind: "composite", gamma: defaults.gamma, mixtureWeights: defaults.mixtureWeights },
  });
  expect(scheduleOf({ ...turned, model: "mult-vae" }).alternating).toBe(true);
  expect(modelOf({ ...given("--beta", "0.1", "--anneal-steps", "500"), model: "mult-vae" }, 20)).toMatchObject({
    regulariser: { kind: "standard", gamma: null, cap: 0.1, annealSteps: 500 },
  });
  expect(modelOf({ ...given("--weight-decay", "0.3", "--hidden", "7"), model: "cdae" }, 20)).toMatchObject({
    encoder: { widths: [7] },
    weightDecay: 0.3,
  });
});

test("flags lead from Mult-VAE to RecVAE, setting by setting", () => {
  const encoder = [
    "--encoder",
    "residual",
    "--first-values",
    "pytorch",
    "--decoder",
    "linear",
    "--learning-rate",
    String(defaults.learningRate),
  ];
  const prior = ["--prior", "composite", "--gamma", String(defaults.gamma)];
  const turns = ["--alternating", "--encoder-passes", String(usualSchedule.encoderPasses)];
  const values = { ...given(...encoder, ...prior, ...turns), model: "mult-vae" as const };
  expect(modelOf(values, 20)).toEqual(recipeOf({ ...defaults, items: 20 }));
  expect(scheduleOf(values)).toEqual(usualSchedule);
});

test("the settings of a preset come in the order in which a manifest gives them back, so that a run is gone on with", () => {
  for (const model of familyNames) {
    const config = modelOf({ ...read(), model }, 20, 30);
    expect(JSON.stringify(recipe.parse(JSON.parse(JSON.stringify(config)))), model).toBe(JSON.stringify(config));
  }
});

test.each([
  ["mult-dae", ["--latent", "3"], ["latent"]],
  ["mult-dae", ["--beta", "1", "--encoder", "residual"], ["beta", "encoder"]],
  ["cdae", ["--prior", "composite", "--mixture-weights", "1,0,0"], ["mixtureWeights", "prior"]],
  ["mult-vae", ["--mixture-weights", "1,0,0"], ["mixtureWeights"]],
  ["mult-vae", ["--gamma", "1", "--anneal-steps", "9"], ["annealSteps"]],
  ["cdae", ["--layers", "0"], ["layers"]],
  ["mult-vae", ["--decoder-noise"], ["decoderNoise"]],
  ["mult-vae", ["--decoder-passes", "2"], ["decoderPasses"]],
  ["vae", ["--sync", "local"], ["sync"]],
  ["recvae", ["--encoder", "plain", "--likelihood", "gaussian"], ["encoder", "likelihood"]],
] as const)("%s has no use for %j, and says so of each", (model, flags, refused) => {
  const options = z.object({ ...knobs, model: systemFlag(neuralNames) }).superRefine(consistent);
  const parsed = options.safeParse({ ...Object.fromEntries(flagsIn(flags)), model });
  expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual(refused);
});

test.each([
  [["--gamma", "1", "--beta", "1"], /--beta "1": give --gamma or --beta, not both/],
  [["--no-alternating", "--decoder-noise"], /--no-alternating.*no decoder passes/],
  [["--no-alternating", "--decoder-passes", "2"], /--no-alternating.*no decoder passes/],
  [["--mixture-weights", "1,0"], /--mixture-weights "1,0": give three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "1,1,0"], /three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "2,-1,0"], /three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "1,,0"], /three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "a,b,c"], /three numbers from 0 to 1 that sum to 1/],
])("%s is refused with the reason", (flags, reason) => {
  expect(() => read(...flags)).toThrow(
    expect.objectContaining({ code: "USAGE", message: expect.stringMatching(reason) }),
  );
});

test.each([
  [[]],
  [["--gamma", "0.0035", "--decoder-noise", "--decoder-passes", "2"]],
  [["--beta", "0", "--mixture-weights", "0.5,0.5,0", "--no-alternating"]],
])("%s survive being handed on", (flags) => {
  expect(read(...knobArguments(read(...flags)))).toEqual(read(...flags));
});

test("a flag that was renamed is refused with the new name, and so is its variable", () => {
  expect(() => read("--not-alternating")).toThrow(/--not-alternating is called --no-alternating now/);
  expect(() => read("--no-not-alternating")).toThrow(/--no-not-alternating is called --alternating now/);
  expect(() => readConfig(command, [], { TRIBUTARY_NOT_ALTERNATING: "1" })).toThrow(
    /TRIBUTARY_NOT_ALTERNATING is called TRIBUTARY_ALTERNATING now, and says the opposite/,
  );
});
