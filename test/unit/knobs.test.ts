// The flags of a training run: what they turn, what is refused, and that `train` hands them on as they were given.
import { expect, test } from "vitest";
import { z } from "zod";
import { defaults } from "../../shared/model/config.ts";
import { usualSchedule } from "../../shared/model/schedule.ts";
import { defineCommand, readConfig } from "../../shared/runtime/command.ts";
import { consistent, flagsOf, knobs, modelOf, scheduleOf } from "../../shared/runtime/knobs.ts";

const command = defineCommand({ name: "train", summary: "", options: z.object(knobs).superRefine(consistent), run: async () => {} });
const read = (...flags: string[]) => readConfig(command, flags, {});

test("without a flag, model and schedule are the authors' own", () => {
  expect(modelOf(read(), 20)).toEqual({ ...defaults, items: 20 });
  expect(scheduleOf(read())).toEqual(usualSchedule);
});

test("a flag that is on by default is turned off by --no-", () => {
  const options = z.object({ sharedMemory: z.boolean().default(true), notAlternating: z.boolean().default(false) });
  const server = defineCommand({ name: "server", summary: "", options, run: async () => {} });
  expect(readConfig(server, [], {})).toEqual({ sharedMemory: true, notAlternating: false });
  expect(readConfig(server, ["--no-shared-memory"], {})).toEqual({ sharedMemory: false, notAlternating: false });
  expect(readConfig(server, ["--not-alternating", "--shared-memory"], {})).toEqual({ sharedMemory: true, notAlternating: true });
  expect(() => readConfig(server, ["--no-memory"], {})).toThrow(/--no-memory is no flag/);
});

test("every knob of the paper's ablation reaches model and schedule", () => {
  const values = read("--beta", "0.2", "--mixture-weights", "1,0,0", "--dropout-rate", "0.3", "--decoder-passes", "2", "--decoder-noise");
  expect(modelOf(values, 20)).toMatchObject({ gamma: null, beta: 0.2, mixtureWeights: [1, 0, 0], dropoutRate: 0.3 });
  expect(scheduleOf(values)).toMatchObject({ encoderPasses: 3, decoderPasses: 2, decoderNoise: true, notAlternating: false });
  expect(scheduleOf(read("--not-alternating", "--encoder-passes", "1"))).toMatchObject({ encoderPasses: 1, notAlternating: true });
});

test.each([
  [["--gamma", "1", "--beta", "1"], /--beta "1": give --gamma or --beta, not both/],
  [["--not-alternating", "--decoder-noise"], /--not-alternating.*no decoder passes/],
  [["--not-alternating", "--decoder-passes", "2"], /--not-alternating.*no decoder passes/],
  [["--mixture-weights", "1,0"], /--mixture-weights "1,0": give three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "1,1,0"], /three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "2,-1,0"], /three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "1,,0"], /three numbers from 0 to 1 that sum to 1/],
  [["--mixture-weights", "a,b,c"], /three numbers from 0 to 1 that sum to 1/],
])("%s is refused with the reason", (flags, reason) => {
  expect(() => read(...flags)).toThrow(expect.objectContaining({ code: "USAGE", message: expect.stringMatching(reason) }));
});

test.each([
  [[]],
  [["--gamma", "0.0035", "--decoder-noise", "--decoder-passes", "2"]],
  [["--beta", "0", "--mixture-weights", "0.5,0.5,0", "--not-alternating"]],
])("%s survive being handed on", (flags) => {
  expect(read(...flagsOf(read(...flags)))).toEqual(read(...flags));
});
