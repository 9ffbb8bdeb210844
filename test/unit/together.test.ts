// Requests that arrive together: who is answered with whom, and that nobody waits for anybody.
import fc from "fast-check";
import { expect, test } from "vitest";
import { together } from "../../services/serve/together.ts";

/** Turns of the event loop, taken by hand. */
function loop() {
  const due: (() => void)[] = [];
  return {
    schedule: (run: () => void) => void due.push(run),
    turn: () => due.splice(0).map((run) => run()).length,
  };
}

test("what arrives within a turn is one batch; what arrives later is another", async () => {
  const batches: string[][] = [];
  const { schedule, turn } = loop();
  const ask = together(
    64,
    (asked: readonly string[]) => {
      batches.push([...asked]);
      return asked.map((each) => each.toUpperCase());
    },
    schedule,
  );
  const first = [ask("a"), ask("b")];
  turn();
  const second = ask("c");
  turn();
  expect(await Promise.all([...first, second])).toEqual(["A", "B", "C"]);
  expect(batches).toEqual([["a", "b"], ["c"]]);
  expect(turn()).toBe(0);
});

test("however they arrive, each is answered once, in order, with its own answer, never more than the most at a time", async () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 8 }), async (arrivals, most) => {
      const seen: number[] = [];
      const { schedule, turn } = loop();
      const ask = together(
        most,
        (asked: readonly number[]) => {
          expect(asked.length).toBeLessThanOrEqual(most);
          seen.push(...asked);
          return asked.map((each) => 2 * each);
        },
        schedule,
      );
      let next = 0;
      const answers: Promise<number>[] = [];
      for (const count of arrivals) {
        for (let k = 0; k < count; k++) answers.push(ask(next++));
        turn();
      }
      while (turn() > 0);
      const numbers = answers.map((_, k) => k);
      expect(await Promise.all(answers)).toEqual(numbers.map((number) => 2 * number));
      expect(seen).toEqual(numbers);
    }),
  );
});

test("an error fails those whom it concerns, and the next batch is answered", async () => {
  const { schedule, turn } = loop();
  const ask = together(
    2,
    (asked: readonly string[]) => {
      if (asked.includes("bad")) throw new Error("no");
      return asked;
    },
    schedule,
  );
  const answers = Promise.allSettled([ask("a"), ask("bad"), ask("c")]);
  while (turn() > 0);
  expect((await answers).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});
