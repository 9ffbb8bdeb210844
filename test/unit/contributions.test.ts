import { expect, test, vi } from "vitest";
import { openParameters } from "../../services/server/run/parameters.ts";
import {
  notFiniteIn,
  type Received,
  receivedOf,
  shapesChecked,
} from "../../services/server/scheduler/contributions.ts";
import { initialise, shapesOf } from "../../shared/neural/parameters.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { assembler, encode } from "../../shared/training/frames.ts";
import type { Contribution } from "../../shared/training/messages.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";

const config = recipeOf({ ...defaults, items: 5, hidden: 4, latent: 3 });
const nobody = { rows: [], values: [] };
const times = { data: 0, compute: 0, push: 0, wait: 0, pull: 0 };
const head: Contribution = {
  type: "contribution",
  step: 3,
  part: 0,
  phase: "decoder",
  reconstruction: 1,
  kl: 0,
  spent: {},
  times,
};

/** A right answer to a decoder part of 2 users. */
function answer(): WireTensor[] {
  const weights = initialise(config, 1);
  const posterior = ["mu", "logvar"].map((name) => ({ name, shape: [2, 3], data: new Float32Array(6) }));
  return [
    ...shapesOf("decoder", config).map(([name, shape]) => ({ name, shape, data: weights[name]!.data })),
    ...posterior,
  ];
}
const arrived = (tensors: readonly WireTensor[]) => assembler(() => 1e9)(encode(head, tensors)[0]!)!;
function check(tensors: readonly WireTensor[], about = head): Received {
  const decoded = arrived(tensors);
  shapesChecked(about, decoded.described, config, 2);
  return receivedOf(about, decoded);
}

test("a right answer passes", () => {
  const received = check(answer());
  expect(Object.keys(received.tensors)).toEqual(["decoder.weight", "decoder.bias", "mu", "logvar"]);
  expect(notFiniteIn(received)).toBeUndefined();
});

test.each<[string, (tensors: WireTensor[]) => WireTensor[]]>([
  ["without a tensor", (tensors) => tensors.slice(1)],
  ["with one too many", (tensors) => [...tensors, { name: "more", shape: [1], data: new Float32Array(1) }]],
  ["of another name", (tensors) => [{ ...tensors[0]!, name: "decoder.other" }, ...tensors.slice(1)]],
  ["of another shape", (tensors) => [{ ...tensors[0]!, shape: [3, 5] }, ...tensors.slice(1)]],
  [
    "for other users",
    (tensors) =>
      tensors.map((each) => (each.name === "mu" ? { ...each, shape: [1, 3], data: new Float32Array(3) } : each)),
  ],
  ["in another order", (tensors) => tensors.toReversed()],
  ["of whole numbers", (tensors) => [{ ...tensors[0]!, data: new Int32Array(15) }, ...tensors.slice(1)]],
])("an answer %s is the peer's fault", (_, change) => {
  expect(() => check(change(answer()))).toThrow(/FRAME_MALFORMED/);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a gradient of %s stops the step before a weight is touched, and names step and tensor",
  (value) => {
    const parameters = openParameters(config, initialise(config, 1));
    const now = () =>
      Object.entries({ ...parameters.store.weights, ...parameters.store.state() }).map(([key, { data }]) => [
        key,
        data.slice(),
      ]); // a clone would share the memory
    const before = now();
    const tensors = answer();
    tensors[1]!.data[4] = value;
    expect(() => parameters.updater.step("decoder", [check(answer()), check(tensors)], nobody, 3)).toThrow(
      /NOT_FINITE: the gradient of decoder.bias is not finite: step 3/,
    );
    expect(now()).toEqual(before);
    expect(parameters.updater.updates).toEqual({ encoder: 0, decoder: 0 });
  },
);

test.each([
  ["decoder.weight", 0],
  ["decoder.bias", 1],
  ["mu", 2],
  ["logvar", 3],
])("an answer whose %s is not finite is found out, by the kernels and without them", (name, at) => {
  const parameters = openParameters(config, initialise(config, 1));
  const tensors = answer();
  tensors[at]!.data[1] = Number.NEGATIVE_INFINITY;
  expect(notFiniteIn(check(tensors))).toBe(`tensor ${name}`);
  const inKernels = receivedOf(head, arrived(tensors), parameters.store.answers([Uint32Array.of(0, 1)])(0));
  expect(notFiniteIn(inKernels, parameters.store.numbers)).toBe(`tensor ${name}`);
});

test("an answer whose loss is not finite is found out", () => {
  expect(notFiniteIn(check(answer(), { ...head, reconstruction: null }))).toBe("the loss");
  expect(notFiniteIn(check(answer(), { ...head, kl: null }))).toBe("the loss");
});

test("numbers that were looked through when they came are not looked through again when they are applied", () => {
  const { store, updater } = openParameters(config, initialise(config, 1));
  const looks = vi.spyOn(store.numbers, "finite");
  const received = receivedOf(head, arrived(answer()), store.answers([Uint32Array.of(0, 1)])(0));
  expect(notFiniteIn(received, store.numbers)).toBeUndefined();
  updater.step("decoder", [{ ...received, finite: true }], nobody, 0);
  expect(looks.mock.calls.map(([{ length }]) => length)).toEqual(
    Object.values(received.tensors).map(({ data }) => data.length),
  );
});

test("gradients are added in the order of the parts", () => {
  const part = (value: number) => ({
    tensors: Object.fromEntries(
      shapesOf("decoder", config).map(([name, shape]) => [
        name,
        { shape, data: new Float32Array(shape.reduce((a, b) => a * b)).fill(value) },
      ]),
    ),
  });
  const momentAfter = (...values: number[]) => {
    const parameters = openParameters(config, initialise(config, 1));
    parameters.updater.step("decoder", values.map(part), nobody, 0);
    return parameters.store.state()["adam_m.decoder.bias"]!.data[0];
  };
  // In float32, (1e8 + 1) - 1e8 is 0 and (1e8 - 1e8) + 1 is 1; the first moment is a tenth of the sum.
  expect(momentAfter(1e8, 1, -1e8)).toBe(0);
  expect(momentAfter(1e8, -1e8, 1)).toBeCloseTo(0.1, 6);
});
