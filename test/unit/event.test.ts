// From bytes to an event, or to the reason why not.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deadReasons, type Parsed, parseEvent } from "../../shared/events/event.ts";

const ARRIVED = 1_700_000_000_123;
const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string): Parsed => parseEvent(bytes(text), ARRIVED);
const reason = (text: string) => {
  const parsed = parse(text);
  return parsed.ok ? "accepted" : parsed.reason;
};

test("a complete event is read as it stands", () => {
  expect(parse('{"user":"u1","item":"i9","timestamp":1700000000000,"value":4.5}')).toEqual({
    ok: true,
    event: { user: "u1", item: "i9", timestamp: 1_700_000_000_000, value: 4.5 },
    unknownFields: [],
  });
});

test("an integer user or item becomes its decimal string", () => {
  expect(parse('{"user":7,"item":-12,"timestamp":1}')).toMatchObject({ ok: true, event: { user: "7", item: "-12" } });
});

test("an absent or null timestamp is Kafka's own, an absent value is null", () => {
  for (const text of ['{"user":"a","item":"b"}', '{"user":"a","item":"b","timestamp":null,"value":null}']) {
    expect(parse(text)).toMatchObject({ ok: true, event: { timestamp: ARRIVED, value: null } });
  }
});

test("unknown fields are ignored and counted", () => {
  expect(parse('{"user":"a","item":"b","session":1,"__proto__":{"item":"c"}}')).toMatchObject({
    ok: true,
    event: { item: "b" },
    unknownFields: ["session", "__proto__"],
  });
});

describe("every reason for a dead letter", () => {
  test.each([
    ["EMPTY", ""],
    ["NOT_JSON", '{"user":"a"'],
    ["NOT_JSON", '\ufeff{"user":"a","item":"b"}'],
    ["NOT_OBJECT", '["a","b"]'],
    ["NOT_OBJECT", "null"],
    ["NOT_OBJECT", '"text"'],
    ["USER_MISSING", '{"item":"b"}'],
    ["USER_MISSING", '{"user":null,"item":"b"}'],
    ["USER_INVALID", '{"user":"","item":"b"}'],
    ["USER_INVALID", '{"user":1.5,"item":"b"}'],
    ["USER_INVALID", '{"user":true,"item":"b"}'],
    ["USER_INVALID", '{"user":"\\ud800","item":"b"}'],
    ["USER_INVALID", `{"user":"${"é".repeat(129)}","item":"b"}`],
    ["ITEM_MISSING", '{"user":"a"}'],
    ["ITEM_INVALID", '{"user":"a","item":{}}'],
    ["ITEM_INVALID", `{"user":"a","item":"${"x".repeat(257)}"}`],
    ["TIMESTAMP_INVALID", '{"user":"a","item":"b","timestamp":"2020-01-01"}'],
    ["TIMESTAMP_INVALID", '{"user":"a","item":"b","timestamp":1.5}'],
    ["TIMESTAMP_INVALID", '{"user":"a","item":"b","timestamp":-1}'],
    ["TIMESTAMP_INVALID", '{"user":"a","item":"b","timestamp":1700000000000000}'],
    ["VALUE_INVALID", '{"user":"a","item":"b","value":"4"}'],
    ["VALUE_INVALID", '{"user":"a","item":"b","value":1e999}'],
  ])("%s: %s", (expected, text) => {
    expect(reason(text)).toBe(expected);
  });

  test("NOT_UTF8, and a null value is EMPTY", () => {
    expect(parseEvent(Uint8Array.from([0x7b, 0xff, 0x7d]), ARRIVED)).toEqual({ ok: false, reason: "NOT_UTF8" });
    expect(parseEvent(null, ARRIVED)).toEqual({ ok: false, reason: "EMPTY" });
  });

  test("an integer beyond 2^53 is refused: its digits are lost, and two users would become one", () => {
    expect(reason('{"user":9007199254740993,"item":"b"}')).toBe("USER_INVALID");
    expect(reason('{"user":9007199254740991,"item":"b"}')).toBe("accepted");
    expect(reason('{"user":"9007199254740993","item":"b"}')).toBe("accepted");
  });
});

test("names of exactly 256 bytes are accepted, whatever the script", () => {
  for (const name of ["x".repeat(256), "é".repeat(128), "😀".repeat(64)])
    expect(reason(JSON.stringify({ user: name, item: name }))).toBe("accepted");
});

test("property: whatever the bytes, the answer is an event or a listed reason, never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
      const parsed = parseEvent(raw, ARRIVED);
      return parsed.ok || parsed.reason in deadReasons;
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("property: any JSON value parses to an event only when its fields obey the contract", () => {
  const field = fc.oneof(fc.jsonValue(), fc.string(), fc.integer(), fc.double(), fc.constant(undefined));
  fc.assert(
    fc.property(fc.record({ user: field, item: field, timestamp: field, value: field }), (json) => {
      const parsed = parse(JSON.stringify(json));
      if (!parsed.ok) return true;
      const { user, item, timestamp, value } = parsed.event;
      const size = (name: string) => bytes(name).length;
      return (
        size(user) >= 1 &&
        size(user) <= 256 &&
        size(item) >= 1 &&
        size(item) <= 256 &&
        Number.isInteger(timestamp) &&
        timestamp >= 0 &&
        (value === null || Number.isFinite(value))
      );
    }),
    { seed: 2, numRuns: 3000 },
  );
});

test("property: what is written as an event is read back the same", () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
    .filter((text) => bytes(text).length <= 256 && !/\p{Surrogate}/u.test(text));
  const event = fc.record({
    user: name,
    item: name,
    timestamp: fc.nat({ max: 2 ** 47 }),
    value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).filter((v) => !Object.is(v, -0))),
  });
  fc.assert(
    fc.property(event, (written) => {
      expect(parse(JSON.stringify(written))).toEqual({ ok: true, event: written, unknownFields: [] });
    }),
    { seed: 3, numRuns: 2000 },
  );
});
