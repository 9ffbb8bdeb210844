import fc from "fast-check";
import { expect, test } from "vitest";
import { allowance, decide, type Effect, type Event, initial, type State } from "../../services/server/leases.ts";

const opened = (parts: number, step = 1): Event => ({ type: "opened", step, phase: "encoder", parts, at: 0 });

function play(events: readonly Event[], from: State = initial): { state: State; effects: Effect[] } {
  let state = from;
  const effects: Effect[] = [];
  for (const event of events) {
    const [next, more] = decide(state, event);
    state = next;
    effects.push(...more);
  }
  return { state, effects };
}

const kinds = (effects: readonly Effect[]) => effects.map(({ type }) => type);

test("a trainer that asks before a step is open gets a part as soon as it opens", () => {
  const { effects } = play([{ type: "asked", trainer: "a", at: 0 }, opened(2)]);
  expect(effects).toEqual([{ type: "lease", trainer: "a", step: 1, part: 0, deadline: 60_000 }]);
});

test("a part not returned by its deadline is leased again, and the first answer counts", () => {
  const { effects } = play([
    opened(1),
    { type: "asked", trainer: "slow", at: 0 },
    { type: "asked", trainer: "fast", at: 1 },
    { type: "ticked", at: 59_999 },
    { type: "ticked", at: 60_000 },
    { type: "contributed", trainer: "slow", step: 1, part: 0, at: 60_001 },
    { type: "contributed", trainer: "fast", step: 1, part: 0, at: 60_002 },
  ]);
  expect(kinds(effects)).toEqual(["lease", "expired", "lease", "accept", "complete", "late"]);
});

test("a trainer that leaves frees its part for the next one", () => {
  const { effects } = play([
    opened(1),
    { type: "asked", trainer: "a", at: 0 },
    { type: "asked", trainer: "b", at: 1 },
    { type: "left", trainer: "a", at: 2 },
  ]);
  expect(effects.at(-1)).toMatchObject({ type: "lease", trainer: "b", part: 0 });
});

test("a contribution that nobody asked its sender for is not accepted", () => {
  const { effects } = play([
    opened(2),
    { type: "asked", trainer: "a", at: 0 },
    { type: "contributed", trainer: "a", step: 1, part: 1, at: 1 },
  ]);
  expect(kinds(effects)).toEqual(["lease", "unasked"]);
  expect(kinds(play([opened(2), { type: "contributed", trainer: "a", step: 7, part: 0, at: 1 }]).effects)).toEqual(["unasked"]);
});

test("a deadline is five times the median part, at least two seconds, and a minute before anything was timed", () => {
  expect(allowance([])).toBe(60_000);
  expect(allowance([10, 10, 10])).toBe(2_000);
  expect(allowance([1_000, 900, 50_000])).toBe(5_000);
});

/** A world of trainers that ask, answer, answer twice, vanish and stall in any order; then all but one vanish, and that one works. */
const chaos = fc.array(
  fc.record({
    trainer: fc.constantFrom("a", "b", "c", "d"),
    does: fc.constantFrom("ask", "answer", "answer", "answer again", "leave", "stall"),
    pick: fc.nat(50),
  }),
  { maxLength: 120 },
);

test("whatever happens, each part of each step is accepted once, the step completes once, and nobody waits for ever", () => {
  fc.assert(
    fc.property(chaos, fc.integer({ min: 1, max: 5 }), (moves, parts) => {
      let state: State = initial;
      let now = 0;
      const held: { trainer: string; step: number; part: number }[] = [];
      const answered: typeof held = [];
      const accepted: string[] = [];
      const completed: number[] = [];
      let step = 0;
      const tell = (event: Event) => {
        const [next, effects] = decide(state, event);
        state = next;
        for (const effect of effects) {
          if (effect.type === "lease") held.push({ trainer: effect.trainer, step: effect.step, part: effect.part });
          if (effect.type === "accept") accepted.push(`${effect.step}/${effect.part}`);
          if (effect.type === "unasked") throw new Error("an honest trainer was called a liar");
          if (effect.type === "complete") completed.push(effect.step);
        }
        if (state.open && state.asking.length > 0) expect(state.open.parts.every((part) => part.done || part.lease)).toBe(true);
        if (!state.open) tell({ type: "opened", step: ++step, phase: "decoder", parts, at: now });
      };
      const answer = (at: number) => {
        const lease = held.splice(at, 1)[0]!;
        answered.push(lease);
        tell({ type: "contributed", ...lease, at: now });
      };
      tell({ type: "ticked", at: now });
      for (const { trainer, does, pick } of moves) {
        now += 100;
        const mine = held.flatMap((lease, k) => (lease.trainer === trainer ? [k] : []));
        if (does === "ask") tell({ type: "asked", trainer, at: now });
        if (does === "answer" && mine.length > 0) answer(mine[pick % mine.length]!);
        if (does === "answer again" && answered.length > 0) tell({ type: "contributed", ...answered[pick % answered.length]!, at: now });
        if (does === "stall") {
          now += pick * 2_000;
          tell({ type: "ticked", at: now });
        }
        if (does === "leave") {
          tell({ type: "left", trainer, at: now });
          held.splice(0, held.length, ...held.filter((lease) => lease.trainer !== trainer));
        }
      }
      for (const trainer of ["a", "b", "c", "d"]) tell({ type: "left", trainer, at: now });
      held.length = 0;
      const before = completed.length;
      for (let k = 0; k < 2 * parts && completed.length === before; k++) {
        tell({ type: "asked", trainer: "last", at: now });
        if (held.length > 0) answer(0);
      }
      expect(completed.length).toBeGreaterThan(before);
      expect(completed).toEqual(completed.map((_, k) => k + 1));
      expect(new Set(accepted).size).toBe(accepted.length);
      for (const done of completed) expect(accepted.filter((each) => each.startsWith(`${done}/`))).toHaveLength(parts);
    }),
    { seed: 1337, numRuns: 500 },
  );
});
