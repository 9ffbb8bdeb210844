// What serve holds of the topic ahead of the table: for any order in which topic and table go on, a user has what was
// read and is not in the table yet, and nothing else; bounded.
import fc from "fast-check";
import { expect, test } from "vitest";
import { openAhead } from "../../services/serve/ahead.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import { createTail } from "../../shared/recommending/tail.ts";

interface Event {
  readonly user: string;
  readonly item: string;
}
type Move =
  | { readonly type: "read"; readonly partition: number; readonly event: Event | null }
  | { readonly type: "again"; readonly partition: number; readonly back: number }
  | { readonly type: "committed"; readonly partition: number; readonly share: number };

const partition = fc.nat({ max: 2 });
const event = fc.record({ user: fc.constantFrom("a", "b", "c"), item: fc.constantFrom("1", "2", "3", "4", "5") });
const moves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant("read" as const), partition, event: fc.option(event) }) },
    fc.record({ type: fc.constant("again" as const), partition, back: fc.nat({ max: 5 }) }),
    fc.record({
      type: fc.constant("committed" as const),
      partition,
      share: fc.double({ min: 0, max: 1.3, noNaN: true }),
    }),
  ),
  { maxLength: 120 },
);

/** The topic's messages of each partition, how far they were read, and how far the table is. */
function play(tail: ReturnType<typeof createTail>, steps: readonly Move[], look: (world: World) => void): void {
  const world: World = { log: [[], [], []], read: [0, 0, 0], done: [-1, -1, -1] };
  for (const step of steps) {
    const log = world.log[step.partition]!;
    if (step.type === "read") {
      log.push(step.event);
      readOn(tail, world, step.partition, world.read[step.partition]!);
    } else if (step.type === "again") {
      readOn(tail, world, step.partition, Math.max(0, world.read[step.partition]! - step.back));
    } else {
      const ahead = Math.min(log.length, Math.floor(step.share * log.length)) - 1; // also back: an older look
      world.done[step.partition] = Math.max(world.done[step.partition]!, ahead);
      tail.reached(new Map([[step.partition, ahead]]));
    }
    look(world);
  }
}
interface World {
  readonly log: (Event | null)[][];
  readonly read: number[];
  readonly done: number[];
}

function readOn(tail: ReturnType<typeof createTail>, { log, read }: World, partition: number, from: number): void {
  for (let offset = from; offset < log[partition]!.length; offset++) {
    const found = log[partition]![offset];
    if (found) tail.take(partition, offset, found.user, found.item);
  }
  tail.passed(partition, log[partition]!.length);
  read[partition] = log[partition]!.length;
}

const pendingOf = ({ log, read, done }: World, user: string) =>
  log.flatMap((messages, k) =>
    messages
      .slice(0, read[k]!)
      .flatMap((each, offset) => (each?.user === user && offset > done[k]! ? [each.item] : [])),
  );

test("a user has exactly what was read and is not in the table, whichever of the two goes on when", () => {
  fc.assert(
    fc.property(moves, (steps) => {
      const tail = createTail();
      play(tail, steps, (world) => {
        for (const user of ["a", "b", "c"])
          expect(new Set(tail.itemsOf(user))).toEqual(new Set(pendingOf(world, user)));
      });
      expect(tail.leftOut).toBe(0);
    }),
  );
});

test("without room the oldest go, what is left is still read and not in the table, and what went is counted", () => {
  fc.assert(
    fc.property(
      moves,
      fc.integer({ min: 405, max: 4000 }),
      fc.integer({ min: 1, max: 3 }),
      (steps, room, mostOfUser) => {
        const tail = createTail({ room, mostOfUser });
        play(tail, steps, (world) => {
          expect(tail.held).toBeLessThanOrEqual(room / 400);
          let held = 0;
          for (const user of ["a", "b", "c"]) {
            const items = tail.itemsOf(user);
            held += items.length;
            expect(pendingOf(world, user)).toEqual(expect.arrayContaining(items));
          }
          expect(tail.held).toBeGreaterThanOrEqual(held); // one may be held in two partitions
          expect(tail.pairs()).toHaveLength(tail.held);
        });
      },
    ),
  );
});

test("a user with a million events takes no more room than a person, and pushes nobody out", () => {
  const tail = createTail({ room: 1 << 20 });
  tail.take(0, 0, "somebody", "x");
  for (let k = 1; k <= 100_000; k++) tail.take(0, k, "crawler", `i${k}`);
  expect(tail.itemsOf("somebody")).toEqual(["x"]);
  expect(tail.itemsOf("crawler")).toHaveLength(200);
  expect(tail.itemsOf("crawler").at(-1)).toBe("i100000");
  expect(tail.held).toBe(201);
  expect(tail.take(0, 100_001, "crawler", "i1")).toBe("crowded");
  expect(tail.take(0, 100_002, "somebody", "y")).toBe("new");
  tail.reached(new Map([[0, 100_002]]));
  expect(tail.held).toBe(0);
});

test("what was skipped since there is no room is counted, but not what the table holds", () => {
  const tail = createTail();
  tail.reached(new Map([[0, 99]]));
  tail.skipped(0, 150);
  expect(tail.leftOut).toBe(50);
  expect(tail.nextOf(0)).toBe(150);
  tail.skipped(0, 120);
  expect(tail.leftOut).toBe(50);
  expect(tail.take(0, 149, "a", "1")).toBe("old");
  expect(tail.take(0, 150, "a", "1")).toBe("new");
  expect(tail.take(1, 0, "a", "1")).toBe("again");
});

const message = (offset: number, value: string | Buffer | null, timestamp = 1_700_000_000_000): RawMessage => ({
  ...{ offset: String(offset), timestamp: String(timestamp) },
  value: typeof value === "string" ? Buffer.from(value) : value,
});
const batch = (...messages: RawMessage[]) => ({
  ...{ partition: 0, generation: 1, messages: pack(messages, 0) },
  asked: 0,
  next: Number(messages.at(-1)!.offset) + 1,
});

test("messages are read as ingest reads them: what is no event is counted and changes nothing", () => {
  const tail = createTail();
  const errors: unknown[] = [];
  const ahead = openAhead(
    tail,
    (item) => item !== "new",
    (...told) => void errors.push(told),
  );
  const values = [
    '{"user":"u","item":"i"}',
    '{"user": "\\u0075", "item": "ï", "more": [1, {"a": 2}]}',
    '{"user":"u","item":7,"timestamp":1.5}',
    "{",
    null,
    Buffer.from([0xff, 0xfe]),
    `{"user":"u","item":"${"x".repeat(257)}"}`,
    '{"user":"u","item":"new","value":null}',
    '{"item":"i"}',
    '{"user":9007199254740993,"item":"i"}',
    "[".repeat(100_000),
  ];
  ahead.take(batch(...values.map((value, offset) => message(offset, value))), 0, 1_700_000_000_100);
  expect(tail.itemsOf("u")).toEqual(["i", "ï", "new"]);
  expect(ahead.counts).toEqual({ taken: 3, unknown: 1, old: 0, refused: 8, filtered: 0 });
  ahead.take(batch(message(0, values[0]!), message(11, "x", 9e15)), 0, 1_700_000_000_100);
  expect(ahead.counts).toMatchObject({ old: 1, refused: 9 });
  expect(errors).toEqual([]);
  expect(tail.nextOf(0)).toBe(12);
});

test("one event a second is marked, of those that came since the topic is followed, none of them from the future", () => {
  const ahead = openAhead(
    createTail(),
    () => true,
    () => undefined,
  );
  const at = (offset: number, ms: number) => message(offset, '{"user":"u","item":"i"}', ms);
  const times = [4000, 5000, 5500, 5999, 6000, 5000, 9000, 7000];
  expect(ahead.take(batch(...times.map((ms, k) => at(k, ms))), 5000, 7500)).toEqual([5000, 6000, 7500]);
});
