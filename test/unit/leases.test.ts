import fc from "fast-check";
import { expect, test } from "vitest";
import { allowance, patience } from "../../shared/training/deadlines.ts";
import type { State } from "../../shared/training/lease-state.ts";
import { decide, type Effect, type Event, initial, nextTick } from "../../shared/training/leases.ts";
import { nextBackup } from "../../shared/training/matching.ts";

const opened = (parts: number, step = 1, at = 0): Event => ({ type: "opened", step, phase: "encoder", parts, at });
const asked = (trainer: string, at = 0): Event => ({ type: "asked", trainer, at });
const ticked = (at: number): Event => ({ type: "ticked", at });
const answered = (trainer: string, part: number, at: number, step = 1): Event => ({
  type: "contributed",
  trainer,
  step,
  part,
  finite: true,
  at,
});
const spoilt = (trainer: string, part: number, at: number, step = 1): Event => ({
  type: "contributed",
  trainer,
  step,
  part,
  finite: false,
  at,
});

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

const short = (effects: readonly Effect[]) =>
  effects.map((effect) =>
    [effect.type, "trainer" in effect && effect.trainer, "part" in effect && effect.part]
      .filter((x) => x !== false)
      .join(" "),
  );

/** Both have answered parts of 10 ms in time; nothing is open, nobody asks. */
const proven = play([
  opened(8, 0),
  ...[0, 1, 2, 3].flatMap((round) => [
    asked("a", 10 * round),
    asked("b", 10 * round),
    answered("a", 2 * round, 10 * round + 10, 0),
    answered("b", 2 * round + 1, 10 * round + 10, 0),
  ]),
]).state;

test("a trainer that asks before a step is open gets a part as soon as it opens", () => {
  expect(play([asked("a"), opened(2)]).effects).toEqual([{ type: "lease", trainer: "a", step: 1, part: 0 }]);
});

test("a part not returned by its deadline is leased again, and the first answer counts", () => {
  const { effects } = play([
    opened(1),
    asked("slow"),
    asked("fast", 1),
    ticked(4_999),
    ticked(5_000),
    answered("slow", 0, 5_001),
    answered("fast", 0, 5_002),
  ]);
  expect(short(effects)).toEqual([
    "lease slow 0",
    "expired slow 0",
    "lease fast 0",
    "accept slow 0",
    "complete",
    "late fast 0",
  ]);
});

test("a trainer that leaves frees its parts for the next one", () => {
  const { effects } = play([opened(1), asked("a"), asked("b", 1), { type: "left", trainer: "a", at: 2 }]);
  expect(short(effects)).toEqual(["lease a 0", "lease b 0"]);
});

test("a contribution that nobody asked its sender for is not accepted", () => {
  expect(short(play([opened(2), asked("a"), answered("a", 1, 1)]).effects)).toEqual(["lease a 0", "unasked a 1"]);
  expect(short(play([opened(2), answered("a", 0, 1, 7)]).effects)).toEqual(["unasked a 0"]);
});

test("an answer is late when the step is over or another one was first, a duplicate when the same trainer answers again", () => {
  const { effects } = play([
    opened(2),
    asked("a"),
    asked("b"),
    answered("a", 0, 5),
    answered("a", 0, 6),
    answered("b", 1, 7),
    answered("b", 1, 8),
  ]);
  expect(short(effects)).toEqual([
    "lease a 0",
    "lease b 1",
    "accept a 0",
    "duplicate a 0",
    "accept b 1",
    "complete",
    "late b 1",
  ]);
});

test("a deadline is a few times the slower of a phase's newest parts, never too short, and generous before anything was timed", () => {
  expect(allowance({}, "encoder")).toBe(5_000);
  expect(allowance({ encoder: [10, 10, 10] }, "encoder")).toBe(100);
  expect(allowance({ encoder: [100, 900, 1_000] }, "encoder")).toBe(3_600);
  expect(allowance({ encoder: [...Array<number>(19).fill(100), 9_000, 9_000] }, "encoder")).toBe(400);
  expect(allowance({ encoder: [10, 10, 10] }, "decoder")).toBe(5_000);
  expect(allowance({ encoder: [2_000, 2_000, 2_000] }, "decoder")).toBe(8_000);
});

test("a trainer asks ahead, but gets no second part that one without any waits for", () => {
  const step = [opened(3, 1, 100), asked("a", 100), asked("b", 100)];
  expect(short(play([...step, asked("a", 101)], proven).effects)).toEqual(["lease a 0", "lease b 1", "lease a 2"]);
  expect(short(play([asked("a"), asked("a"), asked("b"), opened(2, 1, 100)], proven).effects)).toEqual([
    "lease a 0",
    "lease b 1",
  ]);
  const many = play([opened(9, 1, 100), ...Array.from({ length: 4 }, () => asked("a", 100))], proven);
  expect(short(many.effects)).toEqual(["lease a 0", "lease a 1"]);
});

test("the clock of a part fetched ahead begins when the one before is answered", () => {
  const ahead = play([opened(4, 1, 1_000), asked("a", 1_000), asked("a", 1_000)], proven).state;
  expect(nextTick(ahead)).toBe(1_100);
  const { state, effects } = play([answered("a", 0, 1_080)], ahead);
  expect(nextTick(state)).toBe(1_080 + allowance(state.durations, "encoder"));
  expect(play([answered("a", 1, 1_095)], state).effects[0]).toMatchObject({ type: "accept", took: 15 });
  expect(effects[0]).toMatchObject({ type: "accept", took: 80 });
});

test("a trainer that falls silent with two parts and more asked for costs one deadline, until it is heard again", () => {
  const silent = play([opened(2, 1, 1_000), ...[1, 2, 3].map(() => asked("a", 1_000)), asked("b", 1_001)], proven);
  expect(short(silent.effects)).toEqual(["lease a 0", "lease a 1"]);
  const saved = play(
    [
      ticked(1_100),
      asked("b", 1_101),
      answered("b", 0, 1_110),
      answered("b", 1, 1_120),
      opened(1, 2, 1_121),
      asked("b", 1_122),
    ],
    silent.state,
  );
  expect(short(saved.effects)).toEqual([
    "expired a 0",
    "lease b 0",
    "lease b 1",
    "accept b 0",
    "accept b 1",
    "complete",
    "lease b 0",
  ]);
  expect(
    short(play([answered("b", 0, 1_130, 2), opened(1, 3, 1_131), answered("a", 0, 1_200)], saved.state).effects),
  ).toEqual(["accept b 0", "complete", "late a 0"]);
});

test("nobody is relied on before it has proven itself on a part that a proven one computes as well", () => {
  const beside = play(
    [opened(2, 1, 1_000), asked("a", 1_000), asked("new", 1_001), asked("a", 1_002), asked("newer", 1_003)],
    proven,
  );
  expect(short(beside.effects)).toEqual(["lease a 0", "lease new 1", "lease a 1", "lease newer 0"]);
  const passed = play(
    [answered("new", 1, 1_060), asked("new", 1_060), answered("a", 0, 1_061), opened(2, 2, 1_062)],
    beside.state,
  );
  expect(short(passed.effects)).toEqual(["accept new 1", "accept a 0", "complete", "lease new 0"]);
  const last = play([opened(2, 1, 1_000), asked("a", 1_000), asked("a", 1_001), asked("new", 1_002)], proven);
  expect(short(last.effects)).toEqual(["lease a 0", "lease a 1", "lease new 1"]);
  const failed = play([answered("a", 0, 1_090), ticked(1_105)], beside.state);
  expect(short(failed.effects)).toEqual(["accept a 0"]);
  expect(failed.state.trainers.get("new")!.standing).toBe("suspect");
});

test("a proven trainer without work computes what another takes twice the usual time over, long before the deadline, and the first answer counts", () => {
  expect(patience(proven.durations, "encoder")).toBe(20);
  const waiting = play(
    [opened(2, 1, 1_000), asked("a", 1_000), asked("b", 1_000), answered("b", 1, 1_010), asked("b", 1_011)],
    proven,
  );
  expect(short(waiting.effects)).toEqual(["lease a 0", "lease b 1", "accept b 1"]);
  expect(nextTick(waiting.state)).toBe(1_020);
  expect(short(play([ticked(1_019)], waiting.state).effects)).toEqual([]);
  const beside = play([ticked(1_020), asked("b", 1_020), asked("c", 1_020), ticked(1_099)], waiting.state);
  expect(short(beside.effects)).toEqual(["lease b 0", "lease c 0"]); // c is new: it proves itself
  const saved = play([answered("b", 0, 1_030), answered("a", 0, 1_090)], beside.state);
  expect(short(saved.effects)).toEqual(["accept b 0", "complete", "late a 0"]);
  expect(saved.state.trainers.get("a")!.standing).toBe("proven");
  const beaten = play([answered("a", 0, 1_030), answered("b", 0, 1_031)], beside.state);
  expect(short(beaten.effects)).toEqual(["accept a 0", "complete", "late b 0"]);
});

test("a part fetched ahead is overdue with the one before it; of a phase that was never timed none is before its deadline", () => {
  const ahead = play([opened(2, 1, 1_000), asked("a", 1_000), asked("a", 1_000), asked("b", 1_001)], proven);
  expect(short(ahead.effects)).toEqual(["lease a 0", "lease a 1"]);
  const both = play([ticked(1_020), asked("b", 1_021), answered("b", 0, 1_030), answered("b", 1, 1_040)], ahead.state);
  expect(short(both.effects)).toEqual(["lease b 0", "accept b 0", "lease b 1", "accept b 1", "complete"]);
  expect(patience({}, "encoder")).toBe(5_000);
});

test("a clogged trainer gets nothing until it flows again", () => {
  const { effects } = play([
    { type: "clogged", trainer: "a", at: 0 },
    asked("a"),
    opened(1),
    { type: "flowing", trainer: "a", at: 9 },
  ]);
  expect(short(effects)).toEqual(["lease a 0"]);
  expect(short(play([{ type: "clogged", trainer: "a", at: 0 }, asked("a"), opened(1)]).effects)).toEqual([]);
});

test("one whose answer is not finite is dropped, and another computes its part", () => {
  const { state, effects } = play([
    opened(2),
    asked("bad"),
    asked("good"),
    asked("bad"),
    spoilt("bad", 0, 5),
    answered("good", 1, 6),
    asked("good", 6),
  ]);
  expect(short(effects)).toEqual(["lease bad 0", "lease good 1", "spoiled bad 0", "accept good 1", "lease good 0"]);
  expect([...state.trainers.keys()]).toEqual(["good"]);
});

test("a part that nobody answers with finite numbers ends the step", () => {
  const twice = play([opened(1), asked("a"), asked("b"), asked("c"), spoilt("a", 0, 5), spoilt("b", 0, 6)]);
  expect(short(twice.effects)).toEqual(["lease a 0", "spoiled a 0", "lease b 0", "spoiled b 0", "poisoned 0"]);
  expect(twice.state.open).toBeUndefined();
  expect(short(play([opened(1), asked("only"), spoilt("only", 0, 5)]).effects)).toEqual([
    "lease only 0",
    "spoiled only 0",
    "poisoned 0",
  ]);
});

test("an answer that is not finite and does not count anyway spoils nothing", () => {
  const { effects } = play([
    opened(2),
    asked("a"),
    asked("b"),
    answered("a", 0, 5),
    spoilt("a", 0, 6),
    spoilt("a", 1, 7),
  ]);
  expect(short(effects).slice(2)).toEqual(["accept a 0", "duplicate a 0", "unasked a 1"]);
});

/**
 * A world of trainers that ask, answer, answer twice, vanish, fall silent and clog, and of a server that dies, in any
 * order; then all but one vanish, and that one works. A trainer's messages reach the server in their order, and it
 * answers its leases in theirs.
 */
const names = ["a", "b", "c", "d"] as const;
const usual = ["ask", "ask", "answer", "answer"] as const;
const chaos = fc.array(
  fc.record({
    trainer: fc.constantFrom(...names),
    does: fc.constantFrom(
      ...usual,
      ...usual,
      ...usual,
      "answer again",
      "leave",
      "clog",
      "flow",
      "flow",
      "pass",
      "pass",
      "wait",
      "wait",
      "crash",
    ),
    pick: fc.nat(50),
  }),
  { maxLength: 250 },
);

test("whatever happens, each part of each step is accepted once, the step completes once, nobody waits for ever, and silence costs one deadline", () => {
  fc.assert(
    fc.property(chaos, fc.integer({ min: 1, max: 5 }), (moves, parts) => {
      let state: State = initial;
      let now = 0;
      let step = 0;
      let lives = 0;
      const held = new Map<string, { step: number; part: number }[]>();
      const past = new Map<string, { step: number; part: number }[]>();
      const accepted: string[] = [];
      const completed: number[] = [];
      /** Who let a deadline pass and has not said anything since. */
      const silent = new Set<string>();
      const idOf = (name: string) => `${name}${lives}`;
      const tell = (event: Event) => {
        if (event.type === "asked" || event.type === "contributed") silent.delete(event.trainer);
        const [next, effects] = decide(state, event);
        state = next;
        for (const effect of effects) {
          if (effect.type === "lease") {
            expect(silent).not.toContain(effect.trainer);
            expect(state.trainers.get(effect.trainer)!.clogged).toBe(false);
            held.set(effect.trainer, [...(held.get(effect.trainer) ?? []), { step: effect.step, part: effect.part }]);
            expect(held.get(effect.trainer)!.length).toBeLessThanOrEqual(2);
          }
          if (effect.type === "expired") {
            expect(silent).not.toContain(effect.trainer);
            silent.add(effect.trainer);
          }
          if (effect.type === "accept") accepted.push(`${effect.step}/${effect.part}`);
          if (effect.type === "unasked") throw new Error("an honest trainer was called a liar");
          if (effect.type === "complete") completed.push(effect.step);
        }
        nobodyWaits();
        if (!state.open) tell({ type: "opened", step: ++step, phase: "decoder", parts, at: now });
      };
      const nobodyWaits = () => {
        if (!state.open) return;
        const free = state.open.parts.flatMap(({ done }, part) => {
          const holders = [...state.trainers.values()].flatMap(({ standing, holds }) =>
            standing === "suspect"
              ? []
              : holds.filter((lease) => lease.step === state.open!.step && lease.part === part),
          );
          return done || holders.length > 0 ? [] : [part];
        });
        for (const id of state.asking) {
          const { standing, clogged, holds } = state.trainers.get(id)!;
          if (standing !== "suspect" && !clogged && holds.length === 0) expect(free).toEqual([]);
        }
        // Nor does a proven one without work, where one that takes too long is alone on a part.
        expect(nextBackup(state)?.from ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
        // Whoever is at work and trusted has a deadline, and the scheduler is woken for it.
        for (const { standing, holds } of state.trainers.values())
          if (standing !== "suspect" && holds.length > 0) expect(nextTick(state)).toBeDefined();
      };
      const answer = (id: string) => {
        const [lease, ...rest] = held.get(id) ?? [];
        if (!lease) return false;
        held.set(id, rest);
        past.set(id, [...(past.get(id) ?? []), lease]);
        tell({ type: "contributed", trainer: id, ...lease, finite: true, at: now });
        return true;
      };
      const leave = (id: string) => {
        tell({ type: "left", trainer: id, at: now });
        for (const memory of [held, past]) memory.delete(id);
      };
      tell(ticked(now));
      for (const { trainer, does, pick } of moves) {
        now += 10;
        const id = idOf(trainer);
        if (does === "ask") tell(asked(id, now));
        if (does === "answer") answer(id);
        const again = past.get(id)?.at(pick % past.get(id)!.length);
        if (does === "answer again" && again)
          tell({ type: "contributed", trainer: id, ...again, finite: true, at: now });
        if (does === "leave") leave(id);
        if (does === "clog" || does === "flow")
          tell({ type: does === "clog" ? "clogged" : "flowing", trainer: id, at: now });
        if (does === "pass") now += 40 * pick;
        if (does === "wait") now = Math.max(now, nextTick(state) ?? now);
        if (does === "pass" || does === "wait") tell(ticked(now));
        if (does === "crash") {
          // The step is opened anew; trainers come back as new ones, without the leases of before. What they still say
          // of older steps is late.
          state = initial;
          lives++;
          const old = [...past.values(), ...held.values()].flat().filter((lease) => lease.step < step);
          for (const memory of [held, past]) memory.clear();
          for (const name of names) past.set(idOf(name), old);
          silent.clear();
          for (let at = accepted.length; at-- > 0; ) if (accepted[at]!.startsWith(`${step}/`)) accepted.splice(at, 1);
          tell({ type: "opened", step, phase: "decoder", parts, at: now });
        }
      }
      for (const name of names) leave(idOf(name));
      const before = completed.length;
      for (let k = 0; k < 2 * parts && completed.length === before; k++) {
        tell(asked("last", now));
        answer("last");
      }
      expect(completed.length).toBeGreaterThan(before);
      expect(completed).toEqual(completed.map((_, k) => k + 1));
      expect(new Set(accepted).size).toBe(accepted.length);
      for (const done of completed) expect(accepted.filter((each) => each.startsWith(`${done}/`))).toHaveLength(parts);
    }),
    { seed: 1337, numRuns: 1_000 },
  );
});

test("when all but one fall silent at once, each of them costs at most one deadline", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom(...names),
      (parts, warm, healthy) => {
        let { state } = play([opened(parts)]);
        let now = 0;
        let step = 1;
        let expiries = 0;
        const tell = (event: Event) => {
          const [next, effects] = decide(state, event);
          state = next;
          expiries += effects.filter(({ type }) => type === "expired").length;
          if (!state.open) tell(opened(parts, ++step, now));
        };
        const work = (who: readonly string[]) => {
          for (const id of who) {
            if (!state.asking.includes(id)) tell(asked(id, now));
            const lease = state.trainers.get(id)!.holds[0];
            if (lease) tell(answered(id, lease.part, now, lease.step));
          }
        };
        for (const end = 10 * warm * parts; now < end; now += 10) work(names);
        for (const id of names) tell(asked(id, now));
        const [startedAt, from] = [now, step];
        let longest = 0;
        for (; step < from + 5; now += 10) {
          longest = Math.max(longest, allowance(state.durations, "encoder"));
          tell(ticked(now));
          work([healthy]);
          expect(now - startedAt).toBeLessThanOrEqual((names.length - 1) * (longest + 10) + 10 * 6 * (parts + 1));
        }
        expect(expiries).toBeLessThanOrEqual(names.length - 1);
      },
    ),
    { seed: 1337, numRuns: 100 },
  );
});
