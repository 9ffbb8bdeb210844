// What services say of themselves, read by their own schemas with tolerance: of an older or newer service, and of one
// that says nonsense, nothing else is lost.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readingOf, readings, statuses } from "../../shared/health/status/readings.ts";
import { key, tolerant } from "../../shared/health/status/tolerant.ts";

const names = Object.keys(readings) as (keyof typeof readings)[];

describe("a schema read with tolerance", () => {
  const entry = z.object({
    at: key(z.number()),
    cause: z.string(),
    size: z.object({ rows: z.number(), why: z.enum(["a", "b"]) }),
  });
  const schema = z.object({
    state: z.enum(["on", "off"]),
    step: z.number().nullable(),
    done: z.boolean(),
    counts: z.record(z.string(), z.number()),
    words: z.array(z.string()),
    all: z.array(entry),
    more: z.object({ rate: z.number().optional() }).nullable(),
  });
  const read = tolerant(schema);

  test("keeps what is as it should be, and a state that it has never heard of", () => {
    const good = {
      ...{ state: "on", step: 3, done: true, counts: { a: 1 }, words: ["hello"], more: { rate: 2 } },
      all: [{ at: 1, cause: "age", size: { rows: 2, why: "a" } }],
    };
    expect(read({ ...good, later: "field" })).toEqual(good);
    expect(read({ ...good, state: "dozing" })).toEqual({ ...good, state: "dozing" });
  });

  test("has null, false or an empty list for what is missing or of another kind", () => {
    const nothing = { state: null, step: null, done: false, counts: {}, words: [], all: [], more: null };
    expect(read({})).toEqual(nothing);
    expect(read({ state: 7, step: "3", done: 1, counts: [], words: "x", all: {}, more: 9 })).toEqual(nothing);
    expect(read({ more: {}, all: [{ at: 1, size: 4 }] })).toMatchObject({
      more: { rate: null },
      all: [{ at: 1, cause: null, size: null }],
    });
    for (const value of [null, undefined, 1, "x", []]) expect(read(value)).toBeNull();
  });

  test("takes a list for none where an entry lacks what it is known by", () => {
    expect(read({ all: [{ at: 1 }, { cause: "age" }] })?.all).toEqual([]);
  });

  test("escapes strangers' words and names", () => {
    expect(read({ state: "\u001b[2J", words: ["\u202e"], counts: { "\n": 1 } })).toMatchObject({
      ...{ state: "\\u{1b}[2J", words: ["\\u{202e}"], counts: { "\\n": 1 } },
    });
  });
});

test.each(names)("whatever %s says, reading it throws nothing and leaves no field out", (service) => {
  const fields = Object.keys(statuses[service].shape);
  const values = fc.dictionary(
    fc.constantFrom(...fields),
    fc.oneof(fc.jsonValue(), fc.double(), fc.array(fc.jsonValue())),
  );
  fc.assert(
    fc.property(fc.oneof(values, fc.jsonValue()), (said) => {
      const read = readingOf(service, said);
      if (read !== null) expect(Object.keys(read)).toEqual(fields);
    }),
    { seed: 19 },
  );
});
