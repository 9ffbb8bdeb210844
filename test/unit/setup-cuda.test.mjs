// What set-up brings for a GPU: whether one is meant, which libraries are lacking, how large they are.
import { expect, test } from "vitest";
import { wantsGpu } from "../../infra/cuda/gpu.mjs";
import { cudaWheels, foundByLoader, lackingOf, sizeOf } from "../../infra/cuda/wheels.mjs";
import { Steps } from "../../infra/setup/steps.mjs";

const all = cudaWheels.flatMap(({ libraries }) => libraries);

test("TRIBUTARY_GPU decides, and without it whether a GPU is seen", () => {
  const env = (value) => ({ TRIBUTARY_GPU: value });
  expect([env("0"), env("1")].map((each) => wantsGpu(each, () => expect.fail("it looked")))).toEqual([false, true]);
  for (const each of [{}, env(""), env(" ")])
    for (const seen of [true, false]) expect(wantsGpu(each, () => seen)).toBe(seen);
});

test.each(["yes", "true", "gpu", "-1"])("TRIBUTARY_GPU=%s is refused by name", (value) => {
  expect(() => wantsGpu({ TRIBUTARY_GPU: value }, () => true)).toThrow(`TRIBUTARY_GPU "${value}": give 0`);
});

test("a wheel is brought for a library that the loader does not find, and no other", () => {
  expect(lackingOf(all)).toEqual([]);
  expect(lackingOf(all.filter((name) => !/cublas\.|cudnn/.test(name))).map(({ folder }) => folder)).toEqual([
    "cublas",
    "cudnn",
  ]);
  expect(lackingOf([])).toHaveLength(cudaWheels.length);
});

test("the size is told in words before the download, on a line of its own", () => {
  expect(sizeOf(cudaWheels)).toBe("1.5 GB");
  expect(sizeOf(lackingOf(all.filter((name) => !/nvJitLink|device/.test(name))))).toBe("44 MB");
  let told = "";
  new Steps({ isTTY: false, write: (text) => (told += text) }).tell("1.5 GB to download");
  expect(told).toBe("1.5 GB to download\n");
});

test("the loader is asked, and answers with names of the list alone", () => {
  for (const name of foundByLoader()) expect(all).toContain(name);
});
