import fc from "fast-check";
import { expect, test } from "vitest";
import {
  fullAllowance,
  heard,
  overdue,
  roomOf,
  type Seen,
  SMALL_MESSAGE,
  spend,
} from "../../services/server/admission/limits.ts";
import { CLOGGED_BYTES, outflow } from "../../services/server/admission/outflow.ts";
import { MAX_PAYLOAD } from "../../shared/training/frames.ts";

const fine: Seen = {
  connectedAt: 0,
  greeted: true,
  heardAt: 100_000,
  awakeAt: 0,
  halfway: false,
  owes: false,
  frames: 0,
  movedAt: 0,
};

test.each<[string, Partial<Seen>, RegExp | undefined]>([
  ["that says hello in time", { greeted: false, connectedAt: 91_000 }, undefined],
  ["that says none", { greeted: false, connectedAt: 90_000 }, /no hello/],
  ["that answers pings", { heardAt: 71_000 }, undefined],
  ["that falls silent", { heardAt: 70_000 }, /nothing was heard/],
  ["whose message stops half-way", { heardAt: 70_000, halfway: true }, /half-way/],
  ["that reads slowly", { frames: 1, movedAt: 71_000 }, undefined],
  ["that reads nothing", { frames: 1, movedAt: 70_000 }, /took nothing/],
  ["that asks for more and more without reading", { frames: 4_097, movedAt: 100_000 }, /does not read/],
  ["that computes a part for minutes", { owes: true, heardAt: -900_000, frames: 2, movedAt: -900_000 }, undefined],
  ["that computes for ever", { owes: true, heardAt: -3_500_000 }, /nothing was heard/],
  ["whose large answer stops half-way", { owes: true, halfway: true, heardAt: 70_000 }, /half-way/],
  ["that has computed, and reads what came meanwhile", { frames: 2, movedAt: -900_000, awakeAt: 99_000 }, undefined],
  [
    "that has computed, and reads nothing",
    { owes: true, frames: 2, movedAt: -900_000, awakeAt: 70_000 },
    /took nothing/,
  ],
  ["that has nothing to read", { frames: 0, movedAt: 0 }, undefined],
])("a peer %s", (_, change, why) => {
  const found = overdue({ ...fine, ...change }, 100_000);
  if (why) expect(found).toMatch(why);
  else expect(found).toBeUndefined();
});

/** How many of the messages at these times pass before the first that is one too many. */
function passing(times: readonly number[]): number {
  let allowance = fullAllowance(0);
  for (const [k, at] of times.entries()) {
    const left = spend(allowance, at);
    if (!left) return k;
    allowance = left;
  }
  return times.length;
}

test("4,000 messages a second pass for ever, 6,000 do not", () => {
  expect(passing(Array.from({ length: 100_000 }, (_, k) => k / 4))).toBe(100_000);
  expect(passing(Array.from({ length: 100_000 }, (_, k) => k / 6))).toBeLessThan(100_000);
});

test("in any stretch of time no more than a burst and its rate pass, even when the clock goes back", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 400 }), { minLength: 1, maxLength: 200 }), (pauses) => {
      let [allowance, at, newest] = [fullAllowance(0), 0, 0];
      let passed = 0;
      for (const pause of pauses) {
        at += pause;
        newest = Math.max(newest, at);
        const backwards = pauses.filter((each) => each < 0).reduce((sum, each) => sum - each, 0);
        for (let left = spend(allowance, at); left; left = spend(allowance, at)) {
          allowance = left;
          passed++;
        }
        expect(passed).toBeLessThanOrEqual(10_000 + 5 * (newest + backwards) + 1);
      }
    }),
    { seed: 1337, numRuns: 20 },
  );
});

/** A socket of the test's own, which takes a frame when it is told to. */
function slowSocket() {
  let clock = 0;
  const inSocket: { frame: Uint8Array; taken: () => void }[] = [];
  const flows: boolean[] = [];
  const out = outflow(
    (frame, taken) => inSocket.push({ frame, taken }),
    (clogged) => flows.push(clogged),
    () => clock,
  );
  return { out, inSocket, flows, tick: () => ++clock, take: () => inSocket.shift()?.taken() };
}

test("frames leave in order, two at a time; each message is told once that it was sent, and the bytes that wait are exact", () => {
  const action = fc.oneof(
    fc.record({ push: fc.array(fc.integer({ min: 1, max: 9 * 2 ** 20 }), { minLength: 1, maxLength: 4 }) }),
    fc.constant("take" as const),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.boolean(), (actions, ends) => {
      const { out, inSocket, flows, take } = slowSocket();
      const buffer = new ArrayBuffer(9 * 2 ** 20);
      const pushed: Uint8Array[] = [];
      const sent: number[] = [];
      let messages = 0;
      let left = 0;
      for (const each of actions) {
        if (each === "take") {
          if (inSocket.length > 0) expect(inSocket[0]!.frame).toBe(pushed[left++]);
          take();
        } else {
          const frames = each.push.map((bytes) => new Uint8Array(buffer, 0, bytes));
          const message = messages++;
          pushed.push(...frames);
          out.push(frames, () => sent.push(message));
        }
        const waiting = pushed.slice(left).reduce((sum, { byteLength }) => sum + byteLength, 0);
        expect([out.waiting, out.frames]).toEqual([waiting, pushed.length - left]);
        expect(inSocket.length).toBe(Math.min(2, out.frames));
        expect(flows.at(-1) ?? false).toBe(waiting > CLOGGED_BYTES);
      }
      if (ends) out.end();
      else while (inSocket.length > 0) take();
      expect(sent).toEqual(Array.from({ length: messages }, (_, k) => k));
      expect(out.waiting).toBe(0);
      expect(flows.every((clogged, k) => clogged === (k % 2 === 0))).toBe(true); // true, false, true, ...
    }),
    { seed: 1337, numRuns: 200 },
  );
});

test("a stall is seen: the time stands still while nothing is taken, and begins anew with new frames", () => {
  const { out, tick, take } = slowSocket();
  tick();
  out.push([new Uint8Array(8)]);
  expect(out.movedAt).toBe(1);
  tick();
  out.push([new Uint8Array(8)]);
  expect(out.movedAt).toBe(1);
  tick();
  take();
  expect(out.movedAt).toBe(3);
});

test.each<[string, Pick<Seen, "greeted" | "halfway" | "owes">, number]>([
  ["a stranger", { greeted: false, halfway: false, owes: false }, SMALL_MESSAGE],
  ["a trainer that owes nothing", { greeted: true, halfway: false, owes: false }, SMALL_MESSAGE],
  ["a trainer that owes an answer", { greeted: true, halfway: false, owes: true }, MAX_PAYLOAD],
  ["a trainer in the middle of a message", { greeted: true, halfway: true, owes: false }, MAX_PAYLOAD],
])("of %s no more is held than it may send", (_, seen, bytes) => {
  expect(roomOf(seen).bytes).toBe(bytes);
});

test("who was silent while it owed an answer has time to read when it is heard again; who owed none has not", () => {
  expect(heard({ owes: true, heardAt: 0, awakeAt: 0 }, 40_000)).toMatchObject({ heardAt: 40_000, awakeAt: 40_000 });
  expect(heard({ owes: true, heardAt: 36_000, awakeAt: 0 }, 40_000)).toMatchObject({ heardAt: 40_000, awakeAt: 0 });
  expect(heard({ owes: false, heardAt: 0, awakeAt: 0 }, 40_000)).toMatchObject({ heardAt: 40_000, awakeAt: 0 });
});
