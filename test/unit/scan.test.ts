// The scanner of the usual shape: it may refuse what parseEvent accepts, and must never say otherwise than parseEvent
// does.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEvent } from "../../shared/events/event.ts";
import { newScanned, scanEvent } from "../../shared/events/scan.ts";

const ARRIVED = 1_700_000_000_123;
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const record = newScanned();

/**
 * The event as scanEvent reads it, undefined when it refuses. The bytes lie in the midst of others that would complete
 * what is cut off.
 */
function scan(bytes: Uint8Array) {
  const before = encode('{"user":"a","item":"b","value":');
  const around = Uint8Array.from([...before, ...bytes, ...encode('9","item":"b"}')]);
  const end = before.length + bytes.length;
  if (!scanEvent(around, before.length, end, record)) return undefined;
  return {
    user: decode(around.subarray(record.userStart, record.userEnd)),
    item: decode(around.subarray(record.itemStart, record.itemEnd)),
    timestamp: Number.isNaN(record.timestamp) ? ARRIVED : record.timestamp,
    value: Number.isNaN(record.value) ? null : record.value,
  };
}

/** toStrictEqual tells 0 from -0. */
function agrees(bytes: Uint8Array): boolean {
  const event = scan(bytes);
  if (event !== undefined) expect(parseEvent(bytes, ARRIVED)).toStrictEqual({ ok: true, event, unknownFields: [] });
  return event !== undefined;
}

describe("the usual shape is read without JSON.parse", () => {
  test.each([
    [
      '{"user":"u1","item":"i9","timestamp":1700000000000,"value":4.5}',
      { user: "u1", item: "i9", timestamp: 1_700_000_000_000, value: 4.5 },
    ],
    ['{"item":"b","user":"a"}', { user: "a", item: "b", timestamp: ARRIVED, value: null }],
    ['{"user":7,"item":-12,"timestamp":0}', { user: "7", item: "-12", timestamp: 0, value: null }],
    ['{"user":0,"item":"}","value":0}', { user: "0", item: "}", timestamp: ARRIVED, value: 0 }],
    [
      ' {\t"user" : "a b" ,\n"item":\r"b" , "value" : -0.125 } \n',
      { user: "a b", item: "b", timestamp: ARRIVED, value: -0.125 },
    ],
    [
      '{"user":"a","item":"b","timestamp":253402300799999}',
      { user: "a", item: "b", timestamp: 253_402_300_799_999, value: null },
    ],
    [
      '{"user":999999999999999,"item":"\x7f"}',
      { user: "999999999999999", item: "\x7f", timestamp: ARRIVED, value: null },
    ],
    [
      '{"user":"a","item":"b","value":0.0000000000000000000003}',
      { user: "a", item: "b", timestamp: ARRIVED, value: 3e-22 },
    ],
    [`{"user":"${"x".repeat(256)}","item":"b"}`, { user: "x".repeat(256), item: "b", timestamp: ARRIVED, value: null }],
  ])("%s", (text, event) => {
    expect(scan(encode(text))).toStrictEqual(event);
    expect(agrees(encode(text))).toBe(true);
  });
});

describe("what is unusual is left to parseEvent", () => {
  test.each([
    ["nothing", ""],
    ["white space", " \n "],
    ["a brace alone", "}"],
    ["no field", "{}"],
    ["no user", '{"item":"b"}'],
    ["no item", '{"user":"a","timestamp":1}'],
    ["an array", '["user","item"]'],
    ["a byte-order mark", '\ufeff{"user":"a","item":"b"}'],
    ["an escape", '{"user":"a\\n","item":"b"}'],
    ["an escaped quote", '{"user":"a\\"","item":"b"}'],
    ["an escape in a field's name", '{"\\u0075ser":"a","item":"b"}'],
    ["a letter beyond ASCII", '{"user":"é","item":"b"}'],
    ["a control character", '{"user":"a\tb","item":"b"}'],
    ["an unknown field", '{"user":"a","item":"b","session":1}'],
    ["a field with more letters", '{"users":"a","user":"a","item":"b"}'],
    ["a field with fewer letters", '{"user":"a","item":"b","valu":1}'],
    ["a repeated field", '{"user":"a","item":"b","user":"c"}'],
    ["a repeated value", '{"user":"a","item":"b","value":1,"value":2}'],
    ["an empty name", '{"user":"","item":"b"}'],
    ["a name of 257 bytes", `{"user":"${"x".repeat(257)}","item":"b"}`],
    ["a null name", '{"user":null,"item":"b"}'],
    ["a boolean name", '{"user":true,"item":"b"}'],
    ["a nested name", '{"user":{"user":"a"},"item":"b"}'],
    ["a name of minus zero", '{"user":-0,"item":"b"}'],
    ["a name with a leading zero", '{"user":07,"item":"b"}'],
    ["a name that is a decimal", '{"user":1.0,"item":"b"}'],
    ["a name with exponent", '{"user":1e3,"item":"b"}'],
    ["a name of 16 digits", '{"user":1000000000000000,"item":"b"}'],
    ["a null timestamp", '{"user":"a","item":"b","timestamp":null}'],
    ["a timestamp as string", '{"user":"a","item":"b","timestamp":"1"}'],
    ["a timestamp below 1970", '{"user":"a","item":"b","timestamp":-1}'],
    ["a timestamp of minus zero", '{"user":"a","item":"b","timestamp":-0}'],
    ["a timestamp after 9999", '{"user":"a","item":"b","timestamp":253402300800000}'],
    ["a timestamp that is a decimal", '{"user":"a","item":"b","timestamp":1.0}'],
    ["a null value", '{"user":"a","item":"b","value":null}'],
    ["a value as string", '{"user":"a","item":"b","value":"4"}'],
    ["a value with exponent", '{"user":"a","item":"b","value":1e2}'],
    ["a value of minus zero", '{"user":"a","item":"b","value":-0}'],
    ["a value of minus zero, as decimal", '{"user":"a","item":"b","value":-0.0}'],
    ["a value of 16 significant digits", '{"user":"a","item":"b","value":1.234567890123456}'],
    ["a value of 23 decimals", '{"user":"a","item":"b","value":0.00000000000000000000003}'],
    ["a value beyond the doubles", `{"user":"a","item":"b","value":${"9".repeat(400)}}`],
    ["a value with a plus", '{"user":"a","item":"b","value":+1}'],
    ["a value without an integer part", '{"user":"a","item":"b","value":.5}'],
    ["a value without decimals", '{"user":"a","item":"b","value":1.}'],
    ["a value that is a sign", '{"user":"a","item":"b","value":-}'],
    ["an absent value", '{"user":"a","item":"b","value":}'],
    ["two commas", '{"user":"a",,"item":"b"}'],
    ["a comma at the end", '{"user":"a","item":"b",}'],
    ["no comma", '{"user":"a" "item":"b"}'],
    ["no colon", '{"user""a","item":"b"}'],
    ["bytes after the end", '{"user":"a","item":"b"} x'],
    ["two braces at the end", '{"user":"a","item":"b"}}'],
    ["two events", '{"user":"a","item":"b"}{"user":"a","item":"b"}'],
    ["a form feed as white space", '{"user":"a",\f"item":"b"}'],
    ["single quotes", "{'user':'a','item':'b'}"],
  ])("%s", (_, text) => {
    expect(scan(encode(text))).toBeUndefined();
  });

  test("every event that is cut off, whatever bytes follow it", () => {
    const whole = encode('{"user":"u1","item":17,"timestamp":1700000000000,"value":4.5}');
    for (let length = 0; length < whole.length; length++) expect(scan(whole.subarray(0, length))).toBeUndefined();
  });
});

const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 2 });
const usualName = fc.oneof(
  fc
    .string({ unit: fc.constantFrom(..."abcXYZ0129 -_.:,{}[]/"), minLength: 1, maxLength: 12 })
    .map((name) => `"${name}"`),
  fc.maxSafeNat().map((id) => String(id % 1e15)),
  fc.integer({ min: -1e9, max: -1 }).map(String),
);
const usualDecimal = fc
  .tuple(fc.boolean(), fc.nat(), fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 5 }))
  .map(([negative, whole, decimals]) => `${negative ? "-" : ""}${whole}.${decimals}`)
  .filter((text) => Number(text) !== 0);
const usualTexts = {
  user: usualName,
  item: usualName,
  timestamp: fc.nat({ max: 253_402_300_799_999 }).map(String),
  value: fc.oneof(usualDecimal, fc.integer({ min: -1e6, max: 1e6 }).map(String)),
};
/** Fields of the usual kinds in any order with any white space. */
const usual = fc
  .tuple(
    fc.record(usualTexts, { requiredKeys: ["user", "item"] }),
    fc.infiniteStream(space),
    fc.infiniteStream(fc.nat()),
  )
  .map(([fields, spaces, ranks]) => {
    const gap = () => spaces.next().value;
    const shuffled = Object.entries(fields)
      .map((field) => ({ field, rank: ranks.next().value }))
      .sort((a, b) => a.rank - b.rank);
    const texts = shuffled.map(({ field: [name, value] }) => `${gap()}"${name}"${gap()}:${gap()}${value}${gap()}`);
    return `${gap()}{${texts.join(",")}}${gap()}`;
  });

test("property: the usual shape is taken, in any order and with any white space, as parseEvent takes it", () => {
  fc.assert(
    fc.property(usual, (text) => agrees(encode(text))),
    { seed: 1, numRuns: 3000 },
  );
});

test("property: what JSON.stringify writes of usual fields is taken", () => {
  const name = fc.oneof(fc.stringMatching(/^[\w.-]{1,20}$/), fc.integer());
  const event = fc.record({
    user: name,
    item: name,
    timestamp: fc.nat({ max: 253_402_300_799_999 }),
    value: fc.integer({ min: -1e6, max: 1e6 }).map((thousandths) => thousandths / 1000),
  });
  fc.assert(
    fc.property(event, (fields) => agrees(encode(JSON.stringify(fields)))),
    { seed: 2, numRuns: 2000 },
  );
});

test("property: of bytes flipped, deleted, inserted and cut, it says nothing but what parseEvent says", () => {
  const spelling = fc.constantFrom(...encode('{}[]",:.+-eE\\ \n0123456789usertimpvaln'));
  const byte = fc.oneof(spelling, fc.integer({ min: 0, max: 255 }));
  const mutation = fc.record({ kind: fc.constantFrom("flip", "delete", "insert", "cut"), place: fc.nat(), byte });
  let taken = 0;
  fc.assert(
    fc.property(usual, fc.array(mutation, { minLength: 1, maxLength: 3 }), (text, mutations) => {
      const bytes = [...encode(text)];
      for (const { kind, place, byte } of mutations) {
        const at = place % (bytes.length + 1);
        if (kind === "flip" && at < bytes.length) bytes[at] = byte;
        else if (kind === "delete") bytes.splice(at, 1);
        else if (kind === "insert") bytes.splice(at, 0, byte);
        else if (kind === "cut") bytes.length = at;
      }
      if (agrees(Uint8Array.from(bytes))) taken++;
    }),
    { seed: 3, numRuns: 20_000 },
  );
  // Many mutations harm nothing: a letter of a name, a digit.
  expect(taken).toBeGreaterThan(1000);
});

test("property: of any JSON under the four names, it says nothing but what parseEvent says", () => {
  const field = fc.oneof(fc.jsonValue(), fc.string(), fc.integer(), fc.double(), fc.maxSafeInteger());
  const event = fc.record({ user: field, item: field, timestamp: field, value: field }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(event, fc.jsonValue()), (json) => {
      agrees(encode(JSON.stringify(json)));
    }),
    { seed: 4, numRuns: 10_000 },
  );
});

test("property: a decimal of at most 15 digits is exactly JSON.parse's", () => {
  const digits = fc.tuple(fc.nat({ max: 999_999_999_999_999 }), fc.integer({ min: 1, max: 22 }), fc.boolean());
  fc.assert(
    fc.property(digits, ([whole, decimals, negative]) => {
      const text = String(whole).padStart(decimals + 1, "0");
      const value = `${negative && whole !== 0 ? "-" : ""}${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
      return agrees(encode(`{"user":"a","item":"b","value":${value}}`));
    }),
    { seed: 5, numRuns: 10_000 },
  );
});
