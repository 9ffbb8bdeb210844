// Dead letters of a user who is forgotten, in a topic whose values are written by schemas of a registry: found by the
// schema; what cannot be read stays and is told, or goes when asked to.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import avro from "avsc";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeadReason } from "../../shared/events/event.ts";
import { schemaIdsOf } from "../../shared/kafka/schemas/framing.ts";
import { openSchemas } from "../../shared/kafka/schemas/schemas.ts";
import { writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { eraseLetters, type LetterErasure, type Unread } from "../../shared/table/letter-erasure.ts";
import { declareShape, readerIn } from "../../shared/table/shapes.ts";
import { openTables } from "../../shared/table/tables.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-letters-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const open = () => openTables(join(folder, "table"), join(folder, "dead"));

const fields = [
  { name: "user", type: "string" },
  { name: "item", type: ["null", "string"] },
];
const type = avro.Type.forSchema({ type: "record", name: "Event", fields } as avro.Schema);
const coded = (id: number, user: string) => {
  const frame = Buffer.alloc(5);
  frame.writeInt32BE(id, 1);
  return Buffer.concat([frame, type.toBuffer({ user, item: null })]);
};

/** Letters of the coded topic, of one with a map that takes the user from the key, and of a plain one. */
async function fill() {
  const tables = await open();
  const registry = "http://registry";
  await declareShape(tables.events, "coded", { map: "", where: "", registry });
  await declareShape(tables.events, "keyed", { map: "user=$key,item=$.i", where: "" });
  const letters: [topic: string, reason: DeadReason, value: Uint8Array | null][] = [
    ["coded", "ITEM_MISSING", coded(1, "ann")],
    ["coded", "ITEM_MISSING", coded(1, "bob")],
    ["coded", "SCHEMA_UNKNOWN", coded(9, "ann")],
    ["coded", "SCHEMA_UNKNOWN", coded(9, "bob")],
    ["coded", "POISON", null],
    ["keyed", "ITEM_MISSING", Buffer.from('{"i":null}')],
    ["plain", "NOT_JSON", Buffer.from('{"user":"ann"')],
    ["plain", "ITEM_MISSING", Buffer.from('{"user":"ann"}')],
    ["plain", "ITEM_MISSING", Buffer.from('{"user":"bob"}')],
  ];
  const add = letters.map(([topic, reason, value], offset) => {
    return { topic, reason, value, offset, partition: 0, timestamp: 1, detail: "" };
  });
  await tables.deadLetters.commit({ add: [await writeDeadLetters(tables.deadLetters.store, add)] });
}

/** What is left to be read by who knows these schemas. */
async function erase(known: readonly number[], unreadable: LetterErasure["unreadable"] = "keep") {
  const tables = await open();
  const schemas = openSchemas({
    registry: {
      url: "http://registry",
      schemaOf: async (id) =>
        known.includes(id) ? { type: "AVRO", text: JSON.stringify(type.schema()), references: [] } : null,
    },
    waits: () => undefined,
    sleep: async () => undefined,
  });
  let left: readonly Unread[] = [];
  const { erased } = await eraseLetters(tables, "ann", {
    unreadable,
    readerOf: async (topic, values) => {
      await schemas.prepare(schemaIdsOf(values));
      return readerIn(tables.events.properties, topic, topic === "coded" ? schemas.decode : undefined);
    },
    unread: (found) => {
      left = found;
    },
  });
  return [erased, left.map(({ topic, reason, letters, naming }) => [topic, reason, letters, naming])];
}

const unknown = ["coded", "SCHEMA_UNKNOWN", 2, 1];
const keyed = ["keyed", "ITEM_MISSING", 1, 0];
const broken = ["plain", "NOT_JSON", 1, 1];

test("coded letters of a user who was forgotten stayed: they are read by their schema, and the unreadable ones are told", async () => {
  await fill();
  expect(await erase([1])).toEqual([2, [unknown, keyed, broken]]);
  expect(await erase([1])).toEqual([0, [unknown, keyed, broken]]);
  expect(await erase([1, 9])).toEqual([1, [keyed, broken]]); // the registry knows it by now
});

test("of the unreadable ones those whose bytes hold the name go where that is asked for, or all of them", async () => {
  await fill();
  expect(await erase([1], "naming")).toEqual([4, [["coded", "SCHEMA_UNKNOWN", 1, 0], keyed]]);
  expect(await erase([1], "all")).toEqual([2, []]);
  expect(await erase([], "keep")).toEqual([0, [["coded", "ITEM_MISSING", 1, 0]]]); // bob's
});
