// When a checkpoint is made, what it holds while the run goes on, and what becomes of one that could not be written.
import { expect, test } from "vitest";
import { type Best, type Outcome, openCheckpointing } from "../../services/server/saving/checkpointing.ts";
import type { Contents } from "../../shared/checkpoints/checkpoints.ts";
import { defaults } from "../../shared/systems/recvae/settings.ts";

/** A writer that reads its job when it is told to end, under a clock that is told to go. */
function bench(from?: { step: number; midRound?: boolean }) {
  const written: {
    step: number;
    value: number;
    epochs: readonly number[];
    best: { step: number; value: number } | undefined;
  }[] = [];
  const outcomes: Outcome[] = [];
  let end: (error?: Error) => void = () => {};
  const clock = { seconds: 0 };
  const read = ({ facts, weights }: Best) => ({ step: facts.step, value: weights.w!.data[0]! });
  const checkpointing = openCheckpointing({
    ...{ seconds: 30, from, now: () => clock.seconds },
    told: (outcome) => outcomes.push(outcome),
    write: (job) =>
      new Promise((resolve, reject) => {
        end = (error) => {
          const { epochs } = job.training as { epochs: number[] };
          written.push({ ...read(job), epochs: [...epochs], best: job.best && read(job.best) });
          if (error) reject(error);
          else resolve();
        };
      }),
  });
  return { checkpointing, clock, written, outcomes, end: (error?: Error) => end(error) };
}

const epochs: number[] = [];
const value = Float32Array.of(0);
/** A run that has come to `step`. */
function at(step: number, { midRound = true } = {}): Contents {
  value[0] = step;
  const facts = {
    config: { ...defaults, items: 1 },
    step,
    round: 1,
    midRound,
    seed: 1,
    salt: "",
    tableVersion: null,
    watermark: null,
  };
  const weights = { w: { shape: [1], data: value } };
  return { weights, state: {}, training: { epochs }, vocabulary: [], facts: { ...facts, createdAt: 0 } };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("one is offered every N seconds, and none while another is under way", async () => {
  const { checkpointing, clock, written, end } = bench();
  checkpointing.offer(() => at(1));
  clock.seconds = 30;
  checkpointing.offer(() => at(2));
  clock.seconds = 70;
  checkpointing.offer(() => at(3));
  end();
  await turn();
  clock.seconds = 99;
  checkpointing.offer(() => at(4));
  end();
  await checkpointing.settled();
  expect(written.map(({ step }) => step)).toEqual([2, 4]);
});

test("what is written is the run as it was when the copy was taken", async () => {
  const { checkpointing, written, end } = bench();
  epochs.push(1);
  await checkpointing.save(at(5));
  value[0] = 77;
  epochs.push(2);
  end();
  await checkpointing.settled();
  expect(written).toEqual([{ step: 5, value: 5, epochs: [1], best: undefined }]);
});

test("at a round's end one is made after the one under way", async () => {
  const { checkpointing, written, end } = bench();
  await checkpointing.save(at(1));
  const next = checkpointing.save(at(2, { midRound: false }));
  end();
  await next;
  end();
  await checkpointing.settled();
  expect(written.map(({ step }) => step)).toEqual([1, 2]);
});

test.each([
  ["the one that the run goes on from is not made again", { step: 4, midRound: false }, at(4, { midRound: false }), 0],
  ["a run that has made no step is not kept", undefined, at(0, { midRound: false }), 0],
  ["a round's beginning does not replace the end of the one before", { step: 4, midRound: false }, at(4), 0],
  ["a round's end replaces its own last step", { step: 4, midRound: true }, at(4, { midRound: false }), 1],
])("%s", async (_, from, job, made) => {
  const { checkpointing, written, end } = bench(from);
  await checkpointing.save(job);
  end();
  await checkpointing.settled();
  expect(written).toHaveLength(made);
});

test("one that could not be written is told, and the next is made when it is time", async () => {
  const { checkpointing, clock, written, outcomes, end } = bench();
  await checkpointing.save(at(1));
  end(new Error("no room"));
  await turn();
  clock.seconds = 30;
  checkpointing.offer(() => at(2));
  end();
  await checkpointing.settled();
  expect(outcomes.map(({ step, error }) => [step, error === undefined])).toEqual([
    [1, false],
    [2, true],
  ]);
  expect(written.map(({ step }) => step)).toEqual([1, 2]);
});

/** Steps of the checkpoints written, and of the best model that each brought along. */
const stepsOf = (written: ReturnType<typeof bench>["written"]) => written.map(({ step, best }) => [step, best?.step]);

test("a better epoch alone writes nothing; its model, as it was then, goes with the next checkpoint and with no other", async () => {
  const { checkpointing, clock, written, end } = bench();
  await checkpointing.best(at(1));
  checkpointing.offer(() => at(2));
  await checkpointing.best(at(3));
  clock.seconds = 30;
  checkpointing.offer(() => at(4));
  end();
  await turn();
  await checkpointing.save(at(5));
  end();
  await checkpointing.settled();
  expect(stepsOf(written)).toEqual([
    [4, 3],
    [5, undefined],
  ]);
  expect(written[0]!.best!.value).toBe(3);
});

test("at the end a best epoch's model is written even where its checkpoint is on disk already", async () => {
  const { checkpointing, written, end } = bench({ step: 4, midRound: false });
  await checkpointing.best(at(4, { midRound: false }));
  await checkpointing.save(at(4, { midRound: false }));
  end();
  await checkpointing.settled();
  expect(stepsOf(written)).toEqual([[4, 4]]);
});

test("a better epoch waits for a write that reads the one before, and for no other", async () => {
  const { checkpointing, written, end } = bench();
  await checkpointing.save(at(1));
  await checkpointing.best(at(2)); // the write under way holds none: it would hang here
  end();
  await turn();
  await checkpointing.save(at(3));
  let isTaken = false;
  const taken = checkpointing.best(at(4)).then(() => {
    isTaken = true;
  });
  await turn();
  expect(isTaken).toBe(false);
  end();
  await taken;
  await checkpointing.save(at(5));
  end();
  await checkpointing.settled();
  expect(written.map(({ step, best }) => [step, best?.value])).toEqual([
    [1, undefined],
    [3, 2],
    [5, 4],
  ]);
});

test("a best epoch's model that could not be written goes with the next checkpoint", async () => {
  const { checkpointing, clock, written, end } = bench();
  await checkpointing.best(at(1));
  await checkpointing.save(at(2));
  end(new Error("no room"));
  await turn();
  clock.seconds = 30;
  checkpointing.offer(() => at(3));
  end(new Error("no room"));
  await turn();
  await checkpointing.save(at(4));
  end();
  await checkpointing.settled();
  expect(stepsOf(written)).toEqual([
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  expect(written.map(({ best }) => best!.value)).toEqual([1, 1, 1]);
});

test("a better epoch takes the place of the one whose model could not be written", async () => {
  const { checkpointing, written, end } = bench();
  await checkpointing.best(at(1));
  await checkpointing.save(at(1));
  end(new Error("no room"));
  await checkpointing.best(at(2));
  await checkpointing.save(at(2));
  end();
  await checkpointing.settled();
  expect(stepsOf(written)).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test("the last one's failure is the run's", async () => {
  const { checkpointing, end } = bench();
  await checkpointing.save(at(1));
  end(new Error("no room"));
  await expect(checkpointing.settled()).rejects.toThrow("no room");
});
