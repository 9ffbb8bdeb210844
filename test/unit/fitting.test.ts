// The weights of a mix: found where they were, near those of before where little says otherwise, and none where what is
// hot says nothing.
import { expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { asked, type Timely } from "../../shared/judging/asked.ts";
import { examplesOf, fittedTo, plain } from "../../shared/judging/fitting.ts";
import { laid, type Mix } from "../../shared/ranking/mix.ts";
import type { Known } from "../../shared/ranking/trending.ts";

const ITEMS = 40;
const names = Array.from({ length: ITEMS }, (_, k) => `i${k}`);
const histories = new Histories("");
histories.append(
  batchOf(names.map((item, offset) => ({ user: "u", item, timestamp: 0, value: null, partition: 0, offset }))),
  0,
);
const all = Int32Array.from({ length: ITEMS }, (_, k) => k);
const drawn = (stream: number, bound: number, length = ITEMS) => uniform(7, stream, bound, new Float32Array(length));
/** A model of its own mind, which says the same of everybody. */
const model = { vocabulary: new Vocabulary(names), scoreBatch: (rows: Int32Array[]) => repeated(drawn(1, 2), rows) };
const repeated = (row_I: Float32Array, rows: Int32Array[]) => Float32Array.from(rows.flatMap(() => [...row_I]));

/** What comes when choices are made under a mix. */
function arrivalsUnder(mix: Mix, count: number): Timely[] {
  return Array.from({ length: count }, (_, k) => {
    const hot = { items: all, rises: [2, 3, 4].map((stream) => drawn(10 * k + stream, 2).map(Math.abs)) };
    const following = { items: all.subarray(0, 10), rises: drawn(10 * k + 5, 2, 10).map(Math.abs) };
    const scores_I = laid(drawn(1, 2), ITEMS, mix, hot, following, all);
    const odds = [...scores_I].map(Math.exp);
    let left = ((drawn(10 * k + 6, 1, 1)[0]! + 1) / 2) * odds.reduce((a, b) => a + b);
    let chosen = 0;
    for (; chosen < ITEMS - 1 && left > odds[chosen]!; chosen++) left -= odds[chosen]!;
    const item = names[chosen]!;
    return { user: k, item, foldIn: new Int32Array(0), version: 1, hot, following };
  });
}

function* fitted(arrivals: readonly Timely[], model: Known, before: Mix): Generator<undefined, Mix> {
  return yield* fittedTo(yield* examplesOf(asked(arrivals, model, histories)), before);
}

function weightsFrom(arrivals: readonly Timely[], before = plain): Mix {
  const work = fitted(arrivals, model, before);
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

const flat = ({ model, hot, follows }: Mix) => [model, ...hot, follows];
const distance = (a: Mix, b: Mix) => Math.max(...flat(a).map((weight, k) => Math.abs(weight - flat(b)[k]!)));

test("are found again from what came under them", () => {
  const mix: Mix = { model: 0.5, hot: [0.8, 0.2, 1.1], follows: 0.6 };
  expect(distance(weightsFrom(arrivalsUnder(mix, 4000)), mix)).toBeLessThan(0.12);
});

test("are those of the model alone where what is hot says nothing", () => {
  expect(distance(weightsFrom(arrivalsUnder(plain, 4000)), plain)).toBeLessThan(0.12);
});

test("stay with those of before where there is nothing, or next to nothing, to learn from", () => {
  const before: Mix = { model: 0.4, hot: [0.1, 0.2, 0.3], follows: 0.7 };
  expect(weightsFrom([], before)).toEqual(before);
  expect(distance(weightsFrom(arrivalsUnder(plain, 2), before), before)).toBeLessThan(0.2);
});

test("are the same from the same arrivals, bit for bit", () => {
  const arrivals = arrivalsUnder({ model: 1, hot: [0, 1, 0], follows: 0 }, 200);
  expect(weightsFrom(arrivals)).toEqual(weightsFrom(arrivals));
});

test("are numbers where the model is sure, where nobody can have been listed, and where all scores are alike", () => {
  const sure = { ...model, scoreBatch: (rows: Int32Array[]) => repeated(drawn(1, 1e4), rows) };
  const alike = { ...model, scoreBatch: (rows: Int32Array[]) => repeated(new Float32Array(ITEMS), rows) };
  const arrivals = arrivalsUnder(plain, 50).map((arrival, k) => (k % 2 ? { ...arrival, item: "unheard of" } : arrival));
  for (const each of [sure, alike]) {
    const work = fitted(arrivals, each, plain);
    let step = work.next();
    while (!step.done) step = work.next();
    expect(flat(step.value).every(Number.isFinite)).toBe(true);
  }
});
