// Values that are written by schemas of a registry: Avro, Protobuf and JSON read by the writer's schema and the same
// map, a registry that is away waited for, and bytes that claim what they do not hold.
import avro from "avsc";
import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { AppError } from "../../shared/errors/errors.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape } from "../../shared/events/shape/shape.ts";
import { messageIndexes, schemaIdOf, schemaIdsIn } from "../../shared/kafka/schemas/framing.ts";
import { openSchemas } from "../../shared/kafka/schemas/schemas.ts";
import type { SchemaText } from "../../shared/kafka/schemas/text.ts";

const OWN = 1_700_000_000_000;
const framed = (id: number, bytes: Uint8Array) => {
  const frame = Buffer.alloc(5);
  frame.writeInt32BE(id, 1);
  return Buffer.concat([frame, bytes]);
};

/** A registry of these schemas; `away` so many times first. */
function rig(schemas: Readonly<Record<number, SchemaText>>, away = 0) {
  const asked: number[] = [];
  const waited: (string | null)[] = [];
  const pauses: number[] = [];
  let clock = 0;
  const made = openSchemas({
    registry: {
      url: "http://registry",
      schemaOf: async (id) => {
        asked.push(id);
        if (away-- > 0) throw new AppError("REGISTRY_AWAY", { what: "it is away" });
        return schemas[id] ?? null;
      },
    },
    waits: (why) => waited.push(why?.code ?? null),
    now: () => clock,
    sleep: async (ms) => pauses.push(ms),
  });
  const later = (ms: number) => {
    clock += ms;
  };
  return { ...made, asked, waited, pauses, later };
}

/** Rows as [user, item, timestamp, value]; "left-out"; or [reason, detail]. */
async function told(schemas: ReturnType<typeof rig>, value: Uint8Array, map = "", where = "") {
  await schemas.prepare(new Set([schemaIdOf(value) ?? []].flat()));
  const outcome = readerOf(parseShape({ map, where, registry: "http://registry" }), schemas.decode).read({
    value,
    own: OWN,
    beside: [],
  });
  if (outcome.type === "rows")
    return outcome.rows.map(({ user, item, timestamp, value }) => [user, item, timestamp, value]);
  return outcome.type === "left-out" ? "left-out" : [outcome.reason, outcome.detail];
}

const record = (...fields: object[]) => ({ type: "record", name: "Event", fields });
const avroText = (schema: object, references: SchemaText["references"] = []): SchemaText => ({
  type: "AVRO",
  text: JSON.stringify(schema),
  references,
});
const avroBytes = (schema: object, value: unknown) => avro.Type.forSchema(schema as avro.Schema).toBuffer(value);

describe("Avro", () => {
  const schema = record(
    { name: "user", type: "long" },
    { name: "skipped", type: { type: "map", values: { type: "array", items: ["null", "double", "bytes"] } } },
    {
      name: "lines",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Line",
          fields: [
            { name: "sku", type: "string" },
            { name: "n", type: ["null", "int"] },
          ],
        },
      },
    },
    { name: "at", type: { type: "long", logicalType: "timestamp-micros" } },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["BUY", "VIEW"] } },
  );
  const value = {
    user: 7,
    skipped: { a: [null, { double: 1 }] },
    lines: [
      { sku: "a", n: null },
      { sku: "ü", n: 3 },
    ],
    at: OWN * 1000,
    kind: "BUY",
  };
  const map = "user=$.user,item=$.lines[*].sku,value=$.lines[*].n,timestamp=$.at";
  const written = { ...value, skipped: { a: [null, { double: 1 }] } };
  const bytes = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: true }).toBuffer({
    ...written,
    lines: [
      { sku: "a", n: null },
      { sku: "ü", n: { int: 3 } },
    ],
  });

  test("the same paths as into JSON: lists, unions, enums, times; what no path leads to is passed over", async () => {
    const schemas = rig({ 1: avroText(schema) });
    expect(await told(schemas, framed(1, bytes), map, "$.kind == 'BUY'")).toEqual([
      ["7", "a", OWN, null],
      ["7", "ü", OWN, 3],
    ]);
    expect(await told(schemas, framed(1, bytes), map, "$.kind != 'BUY'")).toBe("left-out");
    expect(await told(schemas, framed(1, bytes), "user=$.lines[1].sku,item=$.skipped.a[1]")).toEqual([
      ["ü", "1", OWN, null],
    ]);
    expect(await told(schemas, framed(1, bytes), "user=$.lines,item=$.user")).toEqual([
      "USER_INVALID",
      expect.stringContaining("$.lines"),
    ]);
    expect(schemas.asked).toEqual([1]); // kept
  });

  test("64 bits stay exact, as names by their digits", async () => {
    const long = record({ name: "user", type: "long" }, { name: "item", type: "long" });
    for (const [user, encoded] of [
      ["9223372036854775807", [0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
      ["-9223372036854775808", [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
      ["9007199254740993", [0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]],
      ["-65", [0x81, 0x01]],
    ] as const)
      expect(await told(rig({ 1: avroText(long) }), framed(1, Buffer.from([...encoded, 2])))).toEqual([
        [user, "1", OWN, null],
      ]);
  });

  test("each message by the schema that it was written with: evolved ones side by side", async () => {
    const older = record({ name: "user", type: "string" }, { name: "item", type: "string" });
    const newer = record(
      { name: "value", type: "double" },
      { name: "item", type: "string" },
      { name: "user", type: ["null", "string"] },
    );
    const schemas = rig({ 1: avroText(older), 2: avroText(newer) });
    expect(await told(schemas, framed(1, avroBytes(older, { user: "a", item: "b" })))).toEqual([["a", "b", OWN, null]]);
    expect(await told(schemas, framed(2, avroBytes(newer, { user: "a", item: "b", value: 2.5 })))).toEqual([
      ["a", "b", OWN, 2.5],
    ]);
    expect(await told(schemas, framed(2, avroBytes(newer, { user: null, item: "b", value: 0 })))).toEqual([
      "USER_MISSING",
      "no user: nothing at $.user",
    ]);
  });

  test("types of other schemas that it refers to", async () => {
    const name = { type: "record", name: "shop.Item", fields: [{ name: "id", type: "string" }] };
    const event = record({ name: "user", type: "string" }, { name: "what", type: "shop.Item" });
    const whole = record({ name: "user", type: "string" }, { name: "what", type: name });
    const schemas = rig({ 1: avroText(event, [{ name: "shop.Item", text: JSON.stringify(name) }]) });
    expect(
      await told(schemas, framed(1, avroBytes(whole, { user: "a", what: { id: "x" } })), "user=$.user,item=$.what.id"),
    ).toEqual([["a", "x", OWN, null]]);
  });

  test("a message that claims more than it holds costs its own length, and is a dead letter", async () => {
    const lists = record(
      { name: "user", type: "string" },
      { name: "item", type: "string" },
      { name: "list", type: { type: "array", items: ["null", "string"] } },
      { name: "nothing", type: { type: "array", items: "null" } },
    );
    const head = [2, 0x61, 2, 0x62];
    const many = [0xfe, 0xff, 0xff, 0xff, 0xff, 0x3f]; // some 10^11
    const from = performance.now();
    for (const bytes of [
      [...head, ...many, 0],
      [...head, 0, ...many],
      [...head, 0],
      [...head, 2, 8, 0, 0, 0],
      [...head, 0, 0, 0],
      many,
      [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
      [],
    ])
      expect(await told(rig({ 1: avroText(lists) }), framed(1, Buffer.from(bytes))), String(bytes)).toEqual([
        "SCHEMA_MISFIT",
        expect.stringContaining("schema 1"),
      ]);
    expect(performance.now() - from).toBeLessThan(5000);
    const nested = {
      type: "record",
      name: "Node",
      fields: [
        { name: "next", type: ["null", "Node"] },
        { name: "user", type: "string" },
      ],
    };
    expect((await told(rig({ 1: avroText(nested) }), framed(1, Buffer.alloc(1_000_000, 2))))[0]).toBe("SCHEMA_MISFIT");
  });

  test("property: of any value it finds what avsc does", async () => {
    const all = record(
      { name: "s", type: "string" },
      { name: "l", type: "long" },
      { name: "d", type: ["double", "null", "boolean"] },
      { name: "a", type: { type: "array", items: { type: "map", values: "int" } } },
      { name: "f", type: "float" },
      { name: "end", type: "string" },
    );
    const type = avro.Type.forSchema(all as avro.Schema, { wrapUnions: false });
    const values = fc.record({
      s: fc.string({ unit: "grapheme" }),
      l: fc.maxSafeInteger().map((number) => Math.trunc(number / 4) || 0), // avsc writes no larger ones exactly
      d: fc.oneof(fc.double({ noNaN: true }), fc.constant(null), fc.boolean()),
      a: fc.array(fc.dictionary(fc.string({ minLength: 1 }), fc.integer()), { maxLength: 4 }),
      f: fc.float({ noNaN: true }),
      end: fc.string({ minLength: 1, maxLength: 20 }),
    });
    const schemas = rig({ 1: avroText(all) });
    await schemas.prepare(new Set([1]));
    fc.assert(
      fc.property(values, (found) => {
        const { read } = readerOf(
          parseShape({
            map: "user='u',item=$.end,value=$.l,timestamp=$timestamp",
            where: "$.a[0] == $.x || true == true",
            registry: "",
          }),
          schemas.decode,
        );
        const outcome = read({ value: framed(1, type.toBuffer(found)), own: OWN, beside: [] });
        expect(outcome).toEqual({
          type: "rows",
          rows: [{ user: "u", item: found.end, timestamp: OWN, value: found.l }],
        });
      }),
      { seed: 9, numRuns: 200 },
    );
  });
});

describe("Protobuf", () => {
  const text = `syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto"; import "item.proto";
    message Other { string x = 1; }
    message Event { int64 user_id = 1; repeated Line lines = 2; google.protobuf.Timestamp at = 3; Kind kind = 4;
      Item main = 5;
      message Line { string sku = 1; optional double n = 2; } enum Kind { VIEW = 0; BUY = 1; } }`;
  const item = `syntax = "proto3"; package shop; message Item { string id = 1; }`;
  const schema: SchemaText = { type: "PROTOBUF", text, references: [{ name: "item.proto", text: item }] };
  const root = protobuf.Root.fromJSON(protobuf.common.get("google/protobuf/timestamp.proto") as protobuf.INamespace);
  protobuf.parse(item, root, { keepCase: true });
  protobuf.parse(text, root, { keepCase: true });
  const type = root.lookupType("shop.Event");
  const bytes = (value: object) => Buffer.from(type.encode(type.fromObject(value)).finish());
  const map = "user=$.user_id,item=$.lines[*].sku,value=$.lines[*].n,timestamp=$.at.seconds";

  test("the message by its number, names as in the schema, 64 bits exact, what was not sent is nothing or its type's zero", async () => {
    const value = {
      user_id: "9007199254740993",
      lines: [{ sku: "a" }, { sku: "b", n: 2 }],
      at: { seconds: OWN / 1000 },
      kind: "BUY",
      main: { id: "m" },
    };
    const schemas = rig({ 3: schema });
    const whole = framed(3, Buffer.concat([Buffer.from([2, 2]), bytes(value)]));
    expect(await told(schemas, whole, map, "$.kind == 'BUY' && $.main.id == 'm'")).toEqual([
      ["9007199254740993", "a", OWN, null],
      ["9007199254740993", "b", OWN, 2],
    ]);
    const empty = framed(3, Buffer.concat([Buffer.from([2, 2]), bytes({})]));
    expect(await told(schemas, empty, "user=$.user_id,item=$.kind")).toEqual([["0", "VIEW", OWN, null]]);
    expect(await told(schemas, framed(3, Buffer.from([0, 10, 1, 0x79])), "user=$.x,item='i'")).toEqual([
      ["y", "i", OWN, null],
    ]);
  });

  test("a number of a message that is not there, and bytes that end early, are dead letters", async () => {
    for (const bad of [[2, 8, 0], [], [0x80], [255, 255, 255, 255, 255], [2, 2, 10, 200], [2, 2, 0x0f]])
      expect((await told(rig({ 3: schema }), framed(3, Buffer.from(bad)), map))[0], String(bad)).toBe("SCHEMA_MISFIT");
    expect(messageIndexes(Uint8Array.from([4, 2, 0, 9]))).toEqual({ path: [1, 0], start: 3 });
    expect(messageIndexes(Uint8Array.from([0, 9]))).toEqual({ path: [0], start: 1 });
  });
});

test("JSON Schema: JSON behind the frame, by the same map", async () => {
  const schemas = rig({ 5: { type: "JSON", text: "{}", references: [] } });
  expect(await told(schemas, framed(5, Buffer.from('{"user":9007199254740993,"item":"b"}')))).toEqual([
    "USER_INVALID",
    expect.any(String),
  ]);
  expect(await told(schemas, framed(5, Buffer.from('{"user":"a","item":"b","timestamp":1700000000}')))).toEqual([
    ["a", "b", OWN, null],
  ]);
  expect((await told(schemas, framed(5, Buffer.from("{"))))[0]).toBe("SCHEMA_MISFIT");
});

test("what is not framed, and an id that the registry does not know, are dead letters; the id is asked for again later", async () => {
  const schemas = rig({ 2: { type: "AVRO", text: "{", references: [] } });
  for (const bytes of ['{"user":"a","item":"b"}', "\0\0\0\0", "\u0001\0\0\0\0"])
    expect((await told(schemas, Buffer.from(bytes)))[0]).toBe("NOT_FRAMED");
  expect(await told(schemas, framed(77, Buffer.from("x")))).toEqual([
    "SCHEMA_UNKNOWN",
    "the schema registry knows no schema 77",
  ]);
  expect((await told(schemas, framed(2, Buffer.from("x"))))[0]).toBe("SCHEMA_UNKNOWN");
  await told(schemas, framed(77, Buffer.from("x")));
  expect(schemas.asked).toEqual([77, 2]);
  schemas.later(31_000);
  await told(schemas, framed(77, Buffer.from("x")));
  expect(schemas.asked).toEqual([77, 2, 77]);
});

test("a registry that is away is waited for, longer each time up to a bound, and nothing is skipped", async () => {
  const schemas = rig({ 1: { type: "JSON", text: "{}", references: [] } }, 8);
  expect(await told(schemas, framed(1, Buffer.from('{"user":"a","item":"b"}')))).toEqual([["a", "b", OWN, null]]);
  expect(schemas.pauses).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  expect(schemas.waited).toEqual([...Array(8).fill("REGISTRY_AWAY"), null]);
});

test("a thousand schemas are kept, those in use; a batch of more is read all the same", async () => {
  const json: SchemaText = { type: "JSON", text: "{}", references: [] };
  const schemas = rig(Object.fromEntries(Array.from({ length: 1500 }, (_, id) => [id, json])));
  await schemas.prepare(new Set(Array.from({ length: 1500 }, (_, id) => id)));
  const { read } = readerOf(parseShape({ map: "", where: "", registry: "" }), schemas.decode);
  expect(read({ value: framed(3, Buffer.from('{"user":"a","item":"b"}')), own: OWN, beside: [] })).toMatchObject({
    type: "rows",
  });
  expect(schemas.asked).toHaveLength(1500);
  await schemas.prepare(new Set([3, 1400]));
  expect(schemas.asked.slice(1500)).toEqual([3]);
});

test("the ids of a batch, each once", () => {
  const values = [
    framed(7, Buffer.from("a")),
    Buffer.from("{}"),
    framed(9, Buffer.alloc(0)),
    framed(7, Buffer.from("b")),
  ];
  const lengths = Int32Array.from([5 + 1, 2, -1, 5, 6]);
  expect(schemaIdsIn({ lengths, values: Buffer.concat(values) })).toEqual(new Set([7, 9]));
});
