// Maps of events in other shapes: what they make of messages, what they leave out, and what is refused with its path.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEvent } from "../../shared/events/event.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { PLAIN, parseShape } from "../../shared/events/shape/shape.ts";

const OWN = 1_700_000_000_000;
interface More {
  readonly where?: string;
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly own?: number;
}

/** What a map makes of one message; an object stands for its JSON. */
function read(map: string, value: unknown, { where = "", key = null, headers = {}, own = OWN }: More = {}) {
  const reader = readerOf(parseShape({ map, where }));
  const bytes = (text: string | null | undefined) => (typeof text === "string" ? Buffer.from(text) : null);
  return reader.read({
    value:
      value === null || value instanceof Uint8Array
        ? value
        : bytes(typeof value === "string" ? value : JSON.stringify(value)),
    own,
    beside: reader.beside.map((each) => bytes(each.type === "key" ? key : headers[each.name])),
  });
}
/** Rows as [user, item, timestamp, value]; "left-out"; or [reason, detail]. */
function told(...args: Parameters<typeof read>) {
  const outcome = read(...args);
  if (outcome.type === "rows")
    return outcome.rows.map(({ user, item, timestamp, value }) => [user, item, timestamp, value]);
  return outcome.type === "left-out" ? "left-out" : [outcome.reason, outcome.detail];
}
const at = (map: string, time: unknown, more: More = {}) => {
  const found = told(`user='u',item='i',timestamp=$.t${map}`, { t: time }, more);
  return Array.isArray(found) && Array.isArray(found[0]) ? found[0][2] : found[0];
};

test("fields come from wherever paths lead; names with other signs stand in brackets", () => {
  expect(
    told("user=$.payload.after.user_id,item=$['the sku'][\"a\\u0062\"],timestamp=$.ts,value=$.list[1].rating", {
      payload: { after: { user_id: 7 } },
      "the sku": { ab: "x" },
      ts: "2023-11-14T22:13:20Z",
      list: [{ rating: 1 }, { rating: 4.5 }],
    }),
  ).toEqual([["7", "x", OWN, 4.5]]);
});

test("key, headers, Kafka's own time and constants are sources too", () => {
  const value = { sku: "x" };
  const headers = { "x-user": "ann", score: "3" };
  expect(told("user=$key,item=$.sku,timestamp=$timestamp,value=2.5", value, { key: "bea" })).toEqual([
    ["bea", "x", OWN, 2.5],
  ]);
  expect(told("user=$headers['x-user'],item='all'", value, { headers })).toEqual([["ann", "all", OWN, null]]);
  expect(told("user=$key.id,item=$.sku", value, { key: '{"id":9}' })).toEqual([["9", "x", OWN, null]]);
  expect(told("user=$key,item=$.sku", value)).toEqual(["USER_MISSING", "no user: nothing at $key"]);
  expect(told("user=$key,item=$headers.sku", null, { key: "a", headers: { sku: "b" } })).toEqual([
    ["a", "b", OWN, null],
  ]);
});

test("a list makes a row of each element; what stands outside of it is of each of them", () => {
  const order = {
    user: "u",
    at: OWN,
    lines: [
      { sku: "a", n: 1 },
      { sku: "b", n: 2 },
    ],
    next: "x",
  };
  expect(told("user=$.user,item=$.lines[*].sku,value=$.lines[*].n,timestamp=$.at", order)).toEqual([
    ["u", "a", OWN, 1],
    ["u", "b", OWN, 2],
  ]);
  expect(told("user=$.user,item=$.lines.*.sku", order, { where: "$.lines[*].n > 1" })).toEqual([["u", "b", OWN, null]]);
  expect(told("user=$.user,item=$.tags[*]", { user: "u", tags: ["x", 3] })).toEqual([
    ["u", "x", OWN, null],
    ["u", "3", OWN, null],
  ]);
  const nested = [
    { u: "a", of: [{ i: 1 }, { i: 2 }] },
    { u: "b", of: [] },
    { u: "c", of: [{ i: 3 }] },
  ];
  expect(told("user=$[*].u,item=$[*].of[*].i", nested)).toEqual([
    ["a", "1", OWN, null],
    ["a", "2", OWN, null],
    ["c", "3", OWN, null],
  ]);
});

test("of several rows one that is bad refuses the message, with the number of its element", () => {
  const map = "user=$.u,item=$.lines[*].sku,value=$.lines[*].n";
  expect(told(map, { u: 1, lines: [{ sku: "a" }, { n: 2 }] })).toEqual([
    "ITEM_MISSING",
    "no item: nothing at $.lines[1].sku",
  ]);
  expect(told(map, { u: 1, lines: [{ sku: "a", n: "?" }] })).toEqual([
    "VALUE_INVALID",
    "value is no finite number: $.lines[0].n",
  ]);
  expect(told(map, { u: 1, lines: {} })).toEqual(["LIST_MISSING", expect.stringContaining("$.lines")]);
  expect(told("user=$[*].u,item=$[*].of[*].i", [{ u: 1, of: [] }, { u: 1 }])).toEqual([
    "LIST_MISSING",
    expect.stringMatching(/: \$\[1\]\.of$/),
  ]);
  expect(told(map, { u: 1, lines: [] })).toBe("left-out");
});

test("more elements than rows may be made of are refused, whatever their number", () => {
  const lines = (count: number) => `{"u":"u","lines":[${new Array(count).fill('{"sku":"a"}').join(",")}]}`;
  const map = "user=$.u,item=$.lines[*].sku";
  expect(read(map, lines(10_000))).toMatchObject({ type: "rows" });
  for (const count of [10_001, 300_000])
    expect(read(map, lines(count))).toMatchObject({ type: "refused", reason: "TOO_MANY_ROWS" });
  expect(read("user=$.u,item=$.lines[2].sku", lines(300_000))).toMatchObject({ type: "rows" }); // which no row is of
});

test.each([
  [`$.type == "purchase"`, true],
  [`$.type=='purchase'&&$.n>2`, true],
  ["$.n >= 3 && !($.type == 'view' || $.gone)", true],
  ["$.nothing", true], // there, and null
  ["!$.gone", true],
  ["$.gone == $.away", true], // neither is there
  ["$.nothing == null", true],
  ["$.gone == null", false],
  ["$.n == '3'", false],
  ["$.n < 'x' || $.n >= 'x'", false],
  ["$.list == $.list", false],
  ["$.list[0] == 1 && $.yes == true && $.yes != false", true],
  ["$headers.kind == 'a' && $key != 'b'", true],
  ["1 < 2", true],
])("--where %s: %s", (where, taken) => {
  const value = { type: "purchase", n: 3, nothing: null, list: [1], yes: true, user: "u", item: "i" };
  expect(told("", value, { where, key: "k", headers: { kind: "a" } })).toEqual(
    taken ? [["u", "i", OWN, null]] : "left-out",
  );
});

test("what --where leaves out is never a bad event, whatever else it lacks", () => {
  expect(told("", { type: "view" }, { where: "$.type == 'purchase'" })).toBe("left-out");
  expect(told("", { type: "purchase" }, { where: "$.type == 'purchase'" })[0]).toBe("USER_MISSING");
  expect(told("", "{", { where: "$.type == 'purchase'" })).toEqual(["NOT_JSON", expect.any(String)]);
});

test("times are seconds, milliseconds, micro- or nanoseconds by their size, or ISO 8601; a unit says otherwise", () => {
  for (const time of [
    1.7e9,
    1.7e12,
    1.7e15,
    "1700000000",
    "1700000000.000",
    "1700000000000000000",
    "2023-11-14T22:13:20Z",
    "2023-11-14 22:13:20",
  ])
    expect(at("", time), String(time)).toBe(OWN);
  expect(told("user='u',item='i',timestamp=$.t", '{"t":1700000000000999999}')).toEqual([["u", "i", OWN, null]]);
  expect(at("", 1_700_000_000.123)).toBe(OWN + 123);
  expect(at("", null)).toBe(OWN);
  for (const bad of [17, -1.7e12, 1e300, true, {}, "yesterday", "05/01/2024", ""])
    expect(at("", bad), String(bad)).toBe("TIMESTAMP_INVALID");
  expect(at(",unit=s", 17)).toBe(17_000);
  expect(at(",unit=ms", 1.7e9)).toBe(1.7e9);
  expect(at(",unit=us", 1.7e9)).toBe(1.7e6);
  expect(at(",unit=ns", "1700000000000999999")).toBe(OWN);
  expect(at(",unit=iso", 20_231_114)).toBe(Date.UTC(2023, 10, 14));
  expect(at("", 20_231_114)).toBe(Date.UTC(2023, 10, 14));
  expect(at("", null, { own: -1 })).toBe("TIMESTAMP_INVALID");
});

test("a number beyond 2^53 is no name: it would be another one, rounded", () => {
  expect(told("user=$.u,item='i'", '{"u":9007199254740991}')).toEqual([["9007199254740991", "i", OWN, null]]);
  for (const text of ["9007199254740993", "9007199254740992", "-9007199254740993", "1e20", "1.5", "true", "[]", "{}"])
    expect(told("user=$.u,item='i'", `{"u":${text}}`), text).toEqual([
      "USER_INVALID",
      "user is neither a string of 1 to 256 bytes nor an integer below 2^53: $.u",
    ]);
  expect(told("user=$.u,item='i'", '{"u":"9007199254740993"}')).toEqual([["9007199254740993", "i", OWN, null]]);
});

test("fields that are called as methods of JavaScript are fields, or nothing", () => {
  expect(told("user=$.__proto__.u,item=$.constructor", '{"__proto__":{"u":"a"},"constructor":"b"}')).toEqual([
    ["a", "b", OWN, null],
  ]);
  expect(told("user=$.__proto__,item=$.toString", "{}")[0]).toBe("USER_MISSING");
  expect(({} as { u?: string }).u).toBeUndefined();
});

test("what is nested deep or large, and not asked for, costs its length; the last of fields of one name counts", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  expect(told("user=$.u,item=$.i", `{"u":"a","x":${deep},"u":"b","i":${"{}".repeat(0)}"c"}`)).toEqual([
    ["b", "c", OWN, null],
  ]);
  expect(told("user=$.u.v,item=$.i", `{"u":${deep},"i":1}`)[0]).toBe("USER_MISSING");
  expect(told("user=$.u,item=$.i", `{"u":${deep},"i":1}`)[0]).toBe("USER_INVALID");
  expect(told("user=$.u,item=$.i", `{"u":${"[".repeat(200_000)}`)[0]).toBe("NOT_JSON");
});

test("a value that is none, no UTF-8, no JSON, or no object", () => {
  const map = "user=$.u,item=$.i";
  expect(told(map, null)[0]).toBe("EMPTY");
  expect(told(map, "")[0]).toBe("EMPTY");
  expect(told(map, Buffer.from([0xff]))[0]).toBe("NOT_UTF8");
  for (const text of ["{", '{"u":1}}', '{"u":01}', '{"u":1,}', "{'u':1}"])
    expect(told(map, text)[0], text).toBe("NOT_JSON");
  for (const text of ["1", '"x"', "[]", "null"]) expect(told(map, text)[0], text).toBe("NOT_OBJECT");
});

describe("debezium", () => {
  const after = { user_id: 7, sku: "x" };
  const map = "debezium,user=$.user_id,item=$.sku,timestamp=$envelope.source.ts_ms";
  const change = (op: unknown, more: object = { after }) => ({ before: null, source: { ts_ms: OWN - 1 }, op, ...more });

  test.each(["c", "u", "r"])("op %s is taken, with the schema around it and without", (op) => {
    for (const value of [change(op), { schema: { type: "struct", fields: [] }, payload: change(op) }])
      expect(told(map, value)).toEqual([["7", "x", OWN - 1, null]]);
  });
  test("what was deleted, its tombstone, truncations and messages are left out", () => {
    for (const value of [
      change("d", { before: after, after: null }),
      { payload: change("d") },
      null,
      change("t"),
      change("m"),
    ])
      expect(told(map, value)).toBe("left-out");
  });
  test("what is no change is refused, and the path is named where the row lacks a field", () => {
    for (const value of [after, change(undefined), change("x"), change(""), change("cu"), { payload: after }])
      expect(told(map, value)[0]).toBe("ENVELOPE_INVALID");
    expect(told(map, change("c", { after: { sku: 1 } }))).toEqual(["USER_MISSING", "no user: nothing at $.user_id"]);
  });
  test("alone it takes the columns that events of ours have; --where looks at the row and its envelope", () => {
    const value = change("c", { after: { user: "a", item: "b", timestamp: OWN - 5, value: 2 } });
    expect(told("debezium", value)).toEqual([["a", "b", OWN - 5, 2]]);
    expect(told("debezium", value, { where: "$.value > 1 && $envelope.op == 'c'" })).toEqual([["a", "b", OWN - 5, 2]]);
    expect(told("debezium", value, { where: "$envelope.op == 'r'" })).toBe("left-out");
  });
});

describe("cloudevents", () => {
  const map = "cloudevents,user=$.who,item=$.what";
  const data = { who: "a", what: "b" };
  test("structured: the event's time, its data, and what is no CloudEvent", () => {
    const event = { specversion: "1.0", type: "bought", id: "1", time: "2023-11-14T22:13:20Z", data };
    expect(told(map, event, { own: 5 })).toEqual([["a", "b", OWN, null]]);
    expect(told(map, event, { where: "$envelope.type == 'sold'" })).toBe("left-out");
    expect(told(map, { ...event, data: undefined })).toEqual(["USER_MISSING", "no user: nothing at $.who"]);
    expect(told(map, { data })[0]).toBe("ENVELOPE_INVALID");
  });
  test("binary: attributes are headers, the value is the data", () => {
    const headers = { ce_specversion: "1.0", ce_time: "2023-11-14T22:13:20Z", ce_type: "bought" };
    expect(told(map, data, { headers, own: 5, where: "$envelope.type == 'bought'" })).toEqual([["a", "b", OWN, null]]);
  });
});

test.each([
  ["", "$.a ==", "--where", 7],
  ["", "$.a == 'x", "--where", 8],
  ["", "$.a = 1", "--where", 5],
  ["", "($.a", "--where", 1],
  ["", "$.a[?@.b]", "--where", 5],
  ["", "$.x[*] == 1", "--where", 1],
  ["", "1", "--where", 2],
  [" ,", "", "--map", 2],
  ["user=$.a", "", "--map", 9],
  ["item=$.a", "", "--map", 9],
  ["user=$.a,item=$..b", "", "--map", 16],
  ["user=$.a,item=$.b[1:2]", "", "--map", 20],
  ["user=$.a,item=$.b[-1]", "", "--map", 19],
  ["user=$.a,item=$.b-c", "", "--map", 18],
  ["user=$.a,item=$.", "", "--map", 17],
  ["user=$.a,item=b", "", "--map", 15],
  ["user=$.a,item=$.b,item=$.c", "", "--map", 19],
  ["user=$.a,item=$.b,color=$.c", "", "--map", 19],
  ["user=$.a,item=$.b,unit=min", "", "--map", 19],
  ["user=$.a,item=$.b,timestamp=$timestamp.x", "", "--map", 29],
  ["user=$timestamp,item=$.b", "", "--map", 6],
  ["user=$topic,item=$.b", "", "--map", 6],
  ["user=$headers,item=$.b", "", "--map", 6],
  ["user=$key[*],item=$.b", "", "--map", 6],
  ["user=$.a[*].u,item=$.b[*].i", "", "--map", 1],
  ["avro,user=$.a", "", "--map", 1],
  ["debezium,cloudevents", "", "--map", 10],
  [`user=$.a${".b".repeat(70)},item=$.b`, "", "--map", 6],
])("the map %s, where %s, is refused in %s at position %s", (map, where, flag, position) => {
  expect(() => parseShape({ map, where })).toThrow(
    expect.objectContaining({
      code: "MAP_MALFORMED",
      message: expect.stringMatching(new RegExp(`${flag} .*position ${position},`, "s")),
    }),
  );
});

test("a map without user or item says which one it lacks", () => {
  expect(() => parseShape({ map: "user=$.a", where: "" })).toThrow("it names no item");
  expect(() => parseShape({ map: "value=$.a", where: "" })).toThrow("it names no user");
});

test("property: the usual map makes of any JSON what events without a map are", () => {
  const reader = readerOf(parseShape({ map: `${PLAIN},unit=ms`, where: "" }));
  const scalar = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.constant(null),
    fc.boolean(),
    fc.constantFrom(OWN, 2 ** 53, 0, -1),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const name = fc.oneof({ weight: 4, arbitrary: fc.constantFrom("user", "item", "timestamp", "value") }, fc.string());
  const value = fc.dictionary(name, fc.oneof({ weight: 5, arbitrary: scalar }, fc.jsonValue()));
  fc.assert(
    fc.property(value, fc.constantFrom("", "{", "]", " "), (event, tail) => {
      const bytes = Buffer.from(JSON.stringify(event) + tail);
      const parsed = parseEvent(bytes, OWN);
      const outcome = reader.read({ value: bytes, own: OWN, beside: [] });
      if (parsed.ok) expect(outcome).toEqual({ type: "rows", rows: [parsed.event] });
      else if (parsed.reason !== "TIMESTAMP_INVALID")
        expect(outcome).toMatchObject({ type: "refused", reason: parsed.reason });
    }),
    { seed: 22, numRuns: 1000 },
  );
});

test("property: nothing that is sent makes a reader throw", () => {
  const readers = ["user=$.a[*].b,item=$.a[*].c[*]", "debezium", "cloudevents"].map((map) =>
    readerOf(parseShape({ map, where: "$.x != 3" })),
  );
  const json = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)));
  fc.assert(
    fc.property(fc.oneof(json, fc.uint8Array({ maxLength: 40 })), fc.nat(), (bytes, cut) => {
      for (const { read } of readers)
        for (const value of [bytes, bytes.subarray(0, cut % (bytes.length + 1))])
          expect(["rows", "left-out", "refused"]).toContain(read({ value, own: OWN, beside: [null, null] }).type);
    }),
    { seed: 23, numRuns: 1000 },
  );
});
