// The messages that replay sends: byte for byte what JSON says of each event, however it was read.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST_BYTES } from "../../services/replay/source.ts";
import { eventWriter } from "../../services/replay/writing.ts";
import { recordsOf } from "../../shared/kafka/record-batch.ts";
import { rowsIn } from "./replayed.ts";

const text = ({ messages }: Parameters<typeof rowsIn>[0]) =>
  Array.from({ length: messages.count }, (_, k) =>
    Buffer.from(messages.bytes).toString("utf8", messages.places[4 * k + 2], messages.places[4 * k + 3]),
  );
const name = fc.stringMatching(/^[ !#-[\]-~]{1,40}$/);
const time = fc.option(fc.nat({ max: 253_402_300_799_999 }));
const value = fc.option(
  fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.nat(100).map((each) => each / 10),
  ),
);

test("an event by places and the same by strings are one message, the one that JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ user: name, item: name, timestamp: time, value })), (rows) => {
      const [places, strings] = [eventWriter(), eventWriter()];
      for (const { user, item, timestamp, value } of rows) {
        const units = Uint16Array.from(`${user},${item}`, (letter) => letter.charCodeAt(0));
        places.addScanned(units, {
          userStart: 0,
          userEnd: user.length,
          itemStart: user.length + 1,
          itemEnd: units.length,
          timestamp: timestamp ?? Number.NaN,
          value: value === null ? Number.NaN : value + 0, // -0 is no number of a file
        });
        strings.add({ user, item, timestamp, value });
      }
      const chunks = [places, strings].map((each) => ({ messages: each.take(), next: 0, paced: false }));
      const wanted = rows.map((row) =>
        JSON.stringify({
          user: row.user,
          item: row.item,
          ...(row.timestamp === null ? {} : { timestamp: row.timestamp }),
          ...(row.value === null ? {} : { value: row.value }),
        }),
      );
      for (const chunk of chunks) {
        expect(text(chunk)).toEqual(wanted);
        expect(rowsIn(chunk)).toHaveLength(rows.length);
      }
    }),
    { seed: 3 },
  );
});

test("what was taken stays as it is while more is written", () => {
  const writer = eventWriter();
  const add = (user: string) => writer.add({ user, item: "i", timestamp: 1, value: null });
  for (let k = 0; k < 3000; k++) add(`u${k}`);
  const first = writer.take();
  for (let k = 0; k < 3000; k++) add(`v${k}`);
  expect(text({ messages: first, next: 0, paced: false }).at(-1)).toBe('{"user":"u2999","item":"i","timestamp":1}');
  expect(writer.count).toBe(3000);
});

test("long names: a chunk that is full by its size is one batch that Kafka takes, though each key stands in it twice", () => {
  const writer = eventWriter();
  for (let k = 0; writer.size < MOST_BYTES; k++)
    writer.add({ user: `${k}`.padEnd(200, "u"), item: "i", timestamp: null, value: null });
  const [records] = recordsOf(writer.take(), 1);
  expect(records!.bytes.length).toBeLessThan(1_048_588 - 61);
});
