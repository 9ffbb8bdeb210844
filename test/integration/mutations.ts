// Valid messages made invalid, for both sides of the wire: fields, types, tensors, prefixes, lengths, bits. A mutation
// says whether it is surely wrong.
import fc from "fast-check";
import { encode } from "../../shared/training/frames.ts";
import { bytesOf, describeTensor, type WireTensor } from "../../shared/training/tensors.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

export interface Message {
  readonly head: Json;
  readonly tensors: readonly WireTensor[];
}

export interface Mutation {
  /** What is sent instead of the message; text goes as text. */
  readonly of: (message: Message) => (Uint8Array | string)[];
  /** Nobody could take it for right. */
  readonly isWrong: boolean;
  readonly label: string;
}

const mutation = (isWrong: boolean, label: string, of: Mutation["of"]): Mutation => ({ of, isWrong, label });
const framesOf = ({ head, tensors }: Message) => encode(head as object, tensors);

function pathsIn(value: Json): Path[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...pathsIn(inner).map((path) => [key, ...path])]);
}

/** Undefined takes the field away. */
function changed(value: Json, [key, ...rest]: Path, to: Json | undefined): Json {
  const copy = structuredClone(value) as Record<string, Json>;
  if (rest.length > 0) copy[key!] = changed(copy[key!]!, rest, to);
  else if (Array.isArray(copy) && to === undefined) copy.splice(Number(key), 1);
  else if (to === undefined) delete copy[key!];
  else copy[key!] = to;
  return copy;
}

/** A frame by hand: any list of tensors may stand in its header, whatever follows. */
function frameOf(head: Json, tensors: unknown, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify({ ...(head as object), tensors }));
  const padded = Math.ceil(text.length / 4) * 4;
  const whole = new Uint8Array(28 + padded + data.length).fill(0x20);
  whole.set(encode({ type: "x" })[0]!.subarray(0, 24)); // the prefix
  const view = new DataView(whole.buffer);
  view.setFloat64(16, whole.length - 24, true);
  view.setUint32(24, padded, true);
  whole.set(text, 28);
  whole.set(data, 28 + padded);
  return whole;
}

const many: Json[] = [
  null,
  true,
  "",
  "x".repeat(5_000),
  "__proto__",
  -1,
  0.5,
  1e308,
  2 ** 53,
  2 ** 31,
  [],
  {},
  { toString: 1, valueOf: 1 },
];
const deep = JSON.parse("[".repeat(1_000) + "]".repeat(1_000)) as Json;
const value = fc.oneof(
  fc.constantFrom(...many, deep),
  fc.jsonValue().map((each) => each as Json),
);
const shown = (each: unknown) => JSON.stringify(each).slice(0, 80);

const fieldChanged = fc.tuple(fc.nat(), value).map(([at, to]) =>
  mutation(false, `field ${at} is ${shown(to)}`, ({ head, tensors }) => {
    const paths = pathsIn(head);
    const path = paths[at % paths.length]!;
    return framesOf({ head: changed(head, path, to), tensors });
  }),
);
const fieldMissing = fc.nat().map((at) =>
  mutation(true, `without field ${at}`, ({ head, tensors }) => {
    const paths = pathsIn(head);
    return framesOf({ head: changed(head, paths[at % paths.length]!, undefined), tensors });
  }),
);
const fieldAdded = fc
  .tuple(fc.string({ maxLength: 20 }), value)
  .map(([key, to]) =>
    mutation(false, `${shown(key)} more`, ({ head, tensors }) =>
      framesOf({ head: { ...(head as object), [`${key}_`]: to }, tensors }),
    ),
  );
const typeUnknown = value.map((type) =>
  mutation(true, `of type ${shown(type)}`, ({ head, tensors }) =>
    framesOf({ head: { ...(head as object), type }, tensors }),
  ),
);

const prefixField = fc.oneof(
  ...[0, 4, 8, 12].map((at) => fc.tuple(fc.constant(at), fc.integer({ min: 0, max: 2 ** 32 - 1 }))),
  fc.tuple(fc.constant(16), fc.double()),
);
const prefixChanged = prefixField.map(([at, to]) =>
  mutation(true, `prefix at ${at} is ${to}`, (message) =>
    framesOf(message).map((frame) => {
      const view = new DataView(frame.buffer, frame.byteOffset);
      if (at === 16) view.setFloat64(16, to === view.getFloat64(16, true) ? -1 : to, true);
      else view.setUint32(at, to === view.getUint32(at, true) ? to ^ 1 : to, true);
      return frame;
    }),
  ),
);
const cut = fc
  .double({ min: 0, max: 0.999, noNaN: true })
  .map((share) =>
    mutation(true, `cut at ${share}`, (message) =>
      framesOf(message).map((frame) => frame.subarray(0, Math.floor(share * frame.length))),
    ),
  );
const lengthened = fc
  .uint8Array({ minLength: 1, maxLength: 100 })
  .map((more) =>
    mutation(true, `${more.length} bytes more`, (message) =>
      framesOf(message).map((frame) => Buffer.concat([frame, more])),
    ),
  );
const bitFlipped = fc.tuple(fc.nat(), fc.nat(7)).map(([at, bit]) =>
  mutation(false, `bit ${bit} of byte ${at} of the header`, (message) => {
    const [frame] = framesOf(message) as [Uint8Array];
    const header = 28 + new DataView(frame.buffer, frame.byteOffset).getUint32(24, true);
    frame[24 + (at % (header - 24))]! ^= 1 << bit;
    return [frame];
  }),
);
const noise = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes) => mutation(true, `noise of ${bytes.length} bytes`, () => [bytes]));
const text = fc.constant(mutation(true, "as text", ({ head }) => [JSON.stringify(head)]));

/** Of any message. */
export const mutations: Record<string, fc.Arbitrary<Mutation>> = {
  "fields changed": fieldChanged,
  "fields missing": fieldMissing,
  "fields added": fieldAdded,
  "types unknown": typeUnknown,
  "prefixes changed": prefixChanged,
  "frames cut": cut,
  "frames lengthened": lengthened,
  "headers with a bit flipped": bitFlipped,
  noise,
  text,
};

type List = ReturnType<typeof describeTensor>[];
/** Lists of tensors that are not the one that belongs there; `k` is one of them. */
const wrongLists: Record<string, (list: List, k: number) => unknown> = {
  none: () => [],
  "one less": (list, k) => list.toSpliced(k, 1),
  "one more": (list) => [...list, { name: "more", type: "f32", shape: [1] }],
  "one twice": (list, k) => [...list, list[k]],
  renamed: (list, k) => list.with(k, { ...list[k]!, name: `${list[k]!.name}x` }),
  "of another type": (list, k) => list.with(k, { ...list[k]!, type: list[k]!.type === "f32" ? "i32" : "f32" }),
  "of an unknown type": (list, k) => list.map((each, at) => (at === k ? { ...each, type: "f64" } : each)),
  "with a dimension more": (list, k) => list.with(k, { ...list[k]!, shape: [...list[k]!.shape, 1] }),
  "one longer": (list, k) => list.with(k, { ...list[k]!, shape: [list[k]!.shape[0]! + 1, ...list[k]!.shape.slice(1)] }),
  negative: (list, k) => list.with(k, { ...list[k]!, shape: list[k]!.shape.map((size) => -size) }),
  fractional: (list, k) => list.with(k, { ...list[k]!, shape: [0.5, ...list[k]!.shape.slice(1)] }),
  "beyond memory": (list, k) => list.with(k, { ...list[k]!, shape: [2 ** 31, 2 ** 31] }),
  "of too many dimensions": (list, k) => list.with(k, { ...list[k]!, shape: [1, 1, 1, 1, 1] }),
  "no list": () => ({ x: 1 }),
  text: () => "x",
};

/** Of a message with tensors: another list of them, or fewer or more bytes than they take. */
export const wrongTensors: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.constantFrom(...Object.keys(wrongLists), "as they are"),
    fc.nat(),
    fc.constantFrom(0, -1, -4, -8, 1, 4, -1e9),
  )
  .filter(([which, , more]) => which !== "as they are" || more !== 0)
  .map(([which, k, more]) =>
    mutation(true, `tensors ${which} (${k}), ${more} bytes more`, ({ head, tensors }) => {
      const list = tensors.map(describeTensor);
      const data = Buffer.concat(tensors.flatMap(bytesOf));
      const room = new Uint8Array(Math.max(0, data.length + more));
      room.set(data.subarray(0, room.length));
      return [frameOf(head, wrongLists[which]?.(list, k % list.length) ?? list, room)];
    }),
  );
