// Nobody held out: said in words at the beginning and the end of a run, and no table of NaN.
import { expect, test } from "vitest";
import { computedInWords, outcomeInWords } from "../../services/commands/train/outcome.ts";
import type { Corpus } from "../../shared/corpus/corpus.ts";
import { aboutHeldOut } from "../../shared/corpus/held-out.ts";
import { hasTargets } from "../../shared/judging/subject.ts";

const user = { user: "u", foldIn: Int32Array.of(1), target: Int32Array.of(2) };
const corpus = (changes: Partial<Corpus>) =>
  ({ validation: [user], test: [user], leftOut: 0, leftOutWhy: "with nothing to predict", ...changes }) as Corpus;

test("a run says whom it left out and why, and which part holds nobody", () => {
  expect(aboutHeldOut(corpus({}))).toEqual([]);
  expect(aboutHeldOut(corpus({ leftOut: 3 }))).toEqual(["held-out users with nothing to predict are left out: 3"]);
  expect(aboutHeldOut(corpus({ validation: [], test: [] }))).toEqual([
    expect.stringContaining("nobody is held out for validation"),
    expect.stringContaining("nobody is held out for the test"),
  ]);
});

test("its last line has figures of somebody, or says that there is nobody", () => {
  expect(outcomeInWords(4, { "ndcg@100": { mean: 0.3, standardError: 0.1 } })).toBe(
    'best epoch 4: {"ndcg@100":{"mean":0.3,"standardError":0.1}}',
  );
  for (const mean of [null, Number.NaN])
    expect(outcomeInWords(1, { "ndcg@100": { mean } })).toBe("best epoch 1: nobody is held out to test it on");
});

test("the line before it names engine and device as the trainers told them, with nothing in it that moves a cursor", () => {
  const [model, engine] = ["recvae", "tensorflow"];
  expect(computedInWords({ model, engine, device: "GPU 0: NVIDIA H200" })).toBe(
    "recvae was computed by tensorflow on GPU 0: NVIDIA H200",
  );
  expect(computedInWords({ model, engine })).toBe("recvae was computed by tensorflow");
  expect(computedInWords({ model, engine: "", device: "" })).toBe("recvae was computed by nobody");
  expect(computedInWords({ model, engine, device: "\u001b[2J" })).toBe(
    "recvae was computed by tensorflow on \\u{1b}[2J",
  );
});

test("users without a target are nobody to judge on", () => {
  expect([hasTargets([]), hasTargets([{ ...user, target: new Int32Array(0) }]), hasTargets([user])]).toEqual([
    false,
    false,
    true,
  ]);
});
