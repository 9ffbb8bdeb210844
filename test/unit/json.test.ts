// The walker over a message's JSON: it says what JSON.parse says, whatever the bytes, in steps that are a small
// multiple of their number.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OTHER_FIELDS, parseEvent } from "../../shared/events/event.ts";
import { walkJson } from "../../shared/events/json.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (raw: Uint8Array, start: number, end: number) => new TextDecoder().decode(raw.subarray(start, end));

function walked(raw: Uint8Array) {
  const fields: Record<string, unknown> = Object.create(null);
  const take = (into: Record<string, unknown>, nameStart: number, nameEnd: number, start: number, end: number) => {
    into[JSON.parse(text(raw, nameStart, nameEnd))] = JSON.parse(text(raw, start, end));
  };
  const kind = walkJson(raw, take, fields);
  return kind === "object" ? Object.fromEntries(Object.entries(fields)) : kind;
}

/** What JSON.parse makes of the same. */
function expected(json: string) {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : "other";
  } catch {
    return "broken";
  }
}

test.each([
  ...[
    "",
    " ",
    "{",
    "}",
    "[]",
    "[1,]",
    "[,1]",
    "{,}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":1}}',
    '{"a":1]',
    "[1}",
    "[[1]",
    "{}",
    " { } ",
  ],
  ...[
    "-",
    "-0",
    "01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1E-5",
    "-1.25e+10",
    "1e5x",
    "+1",
    "0x1",
    "NaN",
    "Infinity",
    "tru",
    "true",
    "nulll",
    "false",
  ],
  ...['"', '"a', '"\\"', '"\\u12"', '"\\u12g4"', '"\\u12aF"', '"\\x"', '"\t"', '"\\t"', '"\u007f"', '{"a":"\\'],
  ...[
    '{"a":[{"b":[]},{}],"c":{"d":{"e":[1,2,{"f":null}]}}}',
    '{"a":1,"a":2}',
    '{"\\u0061":1}',
    '{"a":[1,2}',
    '{"a":{"b":1]',
    '{"a" 1}',
  ],
])("%s is what JSON.parse has it to be", (json) => {
  expect(walked(bytes(json))).toEqual(expected(json));
});

test("property: of any JSON, cut, doubled and with bytes changed, it says what JSON.parse says", () => {
  const edit = fc.record({
    at: fc.nat(),
    byte: fc.constantFrom(...'{}[]",:\\ue1-. \n\u0001'),
    how: fc.constantFrom("put", "cut", "insert"),
  });
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), fc.array(edit, { maxLength: 3 }), (json, edits) => {
      const changed = edits.reduce((now, { at, byte, how }) => {
        const k = at % (now.length + 1);
        return how === "cut" ? now.slice(0, k) : now.slice(0, k) + byte + now.slice(how === "put" ? k + 1 : k);
      }, json);
      const raw = bytes(changed);
      expect(walked(raw)).toEqual(expected(new TextDecoder().decode(raw)));
    }),
    { seed: 11, numRuns: 3000 },
  );
});

describe("the work on a message is linear in its bytes", () => {
  const n = 24_000;
  const wild: Record<string, string> = {
    "names made up": `{${Array.from({ length: n / 10 }, (_, k) => `"f${k}":0`).join(",")},"user":"u","item":"i"}`,
    "lists in lists": `{"user":"u","item":"i","x":${"[".repeat(n)}${"]".repeat(n)}}`,
    "objects in objects": `{"user":"u","item":"i","x":${'{"a":'.repeat(n / 5)}1${"}".repeat(n / 5)}}`,
    "never closed": `{"user":"u","item":"i","x":${'[{"a":'.repeat(n / 6)}`,
    "empty objects": `{"user":"u","item":"i","x":[${Array(n / 3)
      .fill("{}")
      .join(",")}]}`,
    "one name again and again": `{${Array(n / 8)
      .fill('"user":1')
      .join(",")},"item":2}`,
    "a long string": `{"user":"u","item":"${"a".repeat(n)}"}`,
    "a long escaped string": `{"user":"u","item":"${"\\u0061".repeat(n / 6)}"}`,
    "a long number": `{"user":"u","item":"i","value":${"9".repeat(n)}}`,
    "a long name": `{"user":"u","item":"i","${"n".repeat(n)}":1}`,
    "white space": `{"user":"u","item":"i"${" ".repeat(n)}}`,
  };

  test.each(Object.entries(wild))("%s: seven looks a byte at most", (_, json) => {
    const raw = bytes(json);
    let looks = 0;
    const counted = new Proxy(raw, {
      get: (target, key) => {
        looks++;
        return Reflect.get(target, key, target);
      },
    });
    walkJson(counted, () => {}, null);
    expect(looks).toBeLessThan(7 * raw.length + 100);
    expect(() => parseEvent(raw, 1)).not.toThrow();
  });

  test("names made up by a producer are told apart up to 16 a message, each of 64 characters", () => {
    const parsed = parseEvent(bytes(wild["names made up"]!), 1);
    expect(parsed.ok && parsed.unknownFields.length).toBe(17);
    expect(parsed.ok && parsed.unknownFields.at(-1)).toBe(OTHER_FIELDS);
    expect(parseEvent(bytes(wild["a long name"]!), 1)).toMatchObject({ ok: true, unknownFields: [OTHER_FIELDS] });
  });

  test("depth is no reason to refuse an event", () => {
    expect(parseEvent(bytes(wild["lists in lists"]!), 1)).toMatchObject({ ok: true, unknownFields: ["x"] });
    expect(parseEvent(bytes(wild["never closed"]!), 1)).toMatchObject({ ok: false, reason: "NOT_JSON" });
  });
});

test("property: whatever bytes stand where the JSON did, the answer is an event or a reason", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (raw, at) => {
      const event = bytes('{"user":"u","item":"i","timestamp":1,"more":[{"a":"\\u0041"},-1.5e3]}');
      event.set(raw.subarray(0, 5), at % (event.length - 5));
      for (const each of [raw, event]) parseEvent(each, 1);
    }),
    { seed: 12, numRuns: 3000 },
  );
});
