// Every message that a trainer can send, mutated, against a server that listens and has a step open: it never throws, a bad peer is told why and is gone,
// and an honest one finishes the step with the right numbers. What is no mistake after all must be harmless.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Exchange, type Offer } from "../../shared/runtime/exchange.ts";
import { encode } from "../../shared/wire/frames.ts";
import { bytesOf, describeTensor, type WireTensor } from "../../shared/wire/tensors.ts";
import { closeAll, connect, contribution, hello, posterior, startDesk, type Talker, work } from "./talker.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

/** What a peer has done before it misbehaves. */
const moments = ["stranger", "greeted", "leased", "sharing"] as const;
type Moment = (typeof moments)[number];

/** A valid message of every type. */
const messages = (step: number, id: string): Record<string, { head: Json; tensors: WireTensor[] }> => {
  const answer = { ...contribution, step };
  const elsewhere = { file: `${id}-0`, tensors: posterior(step).map(describeTensor) as unknown as Json };
  return {
    hello: { head: hello, tensors: [] },
    shares: { head: { type: "shares" }, tensors: [] },
    ask: { head: { type: "ask" }, tensors: [] },
    took: { head: { type: "took", group: "hidden", version: 9 }, tensors: [] },
    contribution: { head: answer, tensors: posterior(step) },
    "contribution in a file": { head: { ...answer, elsewhere }, tensors: [] },
  };
};
const kinds = Object.keys(messages(0, ""));

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
function frameOf(head: object, tensors: unknown, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify({ ...head, tensors }));
  const padded = Math.ceil(text.length / 4) * 4;
  const frame = encode({ type: "x" })[0]!.slice(0, 24); // the prefix
  const total = 4 + padded + data.length;
  new DataView(frame.buffer).setFloat64(16, total, true);
  const whole = new Uint8Array(24 + total).fill(0x20);
  whole.set(frame);
  new DataView(whole.buffer).setUint32(24, padded, true);
  whole.set(text, 28);
  whole.set(data, 28 + padded);
  return whole;
}

interface Attack {
  readonly moment: Moment;
  /** What is sent, to a step and under a name given later. */
  frames(step: number, id: string): (Uint8Array | string)[];
  /** Whether no server could take it for right. */
  readonly isWrong: boolean;
  readonly toString: () => string;
}

const moment = fc.constantFrom(...moments);
const kind = fc.constantFrom(...kinds);
const strange: Json[] = [
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
  [[[[]]]],
];
const value = fc.oneof(
  fc.constantFrom(...strange),
  fc.jsonValue().map((each) => each as Json),
);
const attack = (isWrong: boolean, label: string, at: Moment, frames: Attack["frames"]): Attack => ({
  moment: at,
  frames,
  isWrong,
  toString: () => `${at}: ${label}`,
});

const fieldChanged = fc.record({ moment, kind, at: fc.nat(), to: value }).map(({ moment, kind, at, to }) =>
  attack(false, `${kind}, field ${at} is ${JSON.stringify(to).slice(0, 80)}`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    const paths = pathsIn(head);
    const path = paths[at % paths.length]!;
    const isLoss = path[0] === "reconstruction" || path[0] === "kl"; // null there is a number that is not finite, in the schema's words
    return encode(changed(head, path, isLoss && to === null ? -1 : to) as object, tensors);
  }),
);
const fieldMissing = fc.record({ moment, kind, at: fc.nat() }).map(({ moment, kind, at }) =>
  attack(true, `${kind} without field ${at}`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    const paths = pathsIn(head);
    return encode(changed(head, paths[at % paths.length]!, undefined) as object, tensors);
  }),
);
const typeUnknown = fc
  .record({ moment, type: value })
  .map(({ moment, type }) =>
    attack(!kinds.includes(String(type && typeof type === "object" ? "" : type)), "a type that is none", moment, () =>
      encode({ ...hello, type }),
    ),
  );
const fieldAdded = fc.record({ moment, kind, key: fc.string({ maxLength: 20 }), to: value }).map(({ moment, kind, key, to }) =>
  attack(false, `${kind} with ${JSON.stringify(key)} more`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    return encode({ ...(head as object), [`${key}_`]: to }, tensors);
  }),
);
const tensorsWhereNoneBelong = fc
  .record({ moment, kind: fc.constantFrom("hello", "shares", "ask", "took", "contribution in a file") })
  .map(({ moment, kind }) =>
    attack(true, `${kind} with tensors`, moment, (step, id) => encode(messages(step, id)[kind]!.head as object, posterior(step))),
  );

/** Ways in which the answer's tensors are not the ones that belong there; their bytes follow as if they were. */
const listed = posterior(1).map(describeTensor);
const wrongLists: Record<string, unknown> = {
  none: [],
  "one less": listed.slice(1),
  "one more": [...listed, { name: "more", type: "f32", shape: [1] }],
  twice: [listed[0], listed[0]],
  "another order": listed.toReversed(),
  renamed: [{ ...listed[0], name: "nu" }, listed[1]],
  "of whole numbers": [{ ...listed[0], type: "i32" }, listed[1]],
  "of an unknown type": [{ ...listed[0], type: "f64" }, listed[1]],
  turned: [{ ...listed[0], shape: [3, 2] }, listed[1]],
  flat: [{ ...listed[0], shape: [6] }, listed[1]],
  negative: [{ ...listed[0], shape: [-2, -3] }, listed[1]],
  fractional: [{ ...listed[0], shape: [1.5, 4] }, listed[1]],
  "of too many dimensions": [{ ...listed[0], shape: [2, 3, 1, 1, 1] }, listed[1]],
  "beyond memory": [{ ...listed[0], shape: [2 ** 31, 2 ** 31] }, listed[1]],
  "no list": { mu: 1 },
  text: "mu",
};
const tensorsChanged = fc
  .record({
    moment: fc.constantFrom<Moment>("leased", "sharing"),
    which: fc.constantFrom(...Object.keys(wrongLists)),
    bytes: fc.constantFrom(0, 4, 24, 44, 47, 48, 52),
  })
  .map(({ moment, which, bytes }) =>
    attack(true, `tensors ${which}, ${bytes} bytes`, moment, (step) => [
      frameOf({ ...contribution, step }, wrongLists[which], new Uint8Array(bytes)),
    ]),
  );
const tensorsTruncated = fc
  .integer({ min: 0, max: 47 })
  .map((bytes) =>
    attack(true, `${bytes} of 48 bytes`, "leased", (step) => [frameOf({ ...contribution, step }, listed, new Uint8Array(bytes))]),
  );

const prefixField = fc.oneof(
  ...[0, 4, 8, 12].map((at) => fc.record({ at: fc.constant(at), to: fc.integer({ min: 0, max: 2 ** 32 - 1 }) })),
  fc.record({ at: fc.constant(16), to: fc.double() }),
);
const prefixChanged = fc.record({ moment, kind, field: prefixField }).map(({ moment, kind, field: { at, to } }) => {
  const write = (frame: Uint8Array) => {
    const view = new DataView(frame.buffer, frame.byteOffset);
    const before = at === 16 ? view.getFloat64(16, true) : view.getUint32(at, true);
    if (at === 16) view.setFloat64(16, to === before ? -1 : to, true);
    else view.setUint32(at, to === before ? to ^ 1 : to, true);
    return frame;
  };
  return attack(true, `${kind}, prefix at ${at} is ${to}`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    return encode(head as object, tensors).map(write);
  });
});
const cut = fc.record({ moment, kind, share: fc.double({ min: 0, max: 0.999, noNaN: true }) }).map(({ moment, kind, share }) =>
  attack(true, `${kind}, cut at ${share}`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    return encode(head as object, tensors).map((frame) => frame.subarray(0, Math.floor(share * frame.length)));
  }),
);
const lengthened = fc.record({ moment, kind, more: fc.uint8Array({ minLength: 1, maxLength: 100 }) }).map(({ moment, kind, more }) =>
  attack(true, `${kind}, ${more.length} bytes more`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    return encode(head as object, tensors).map((frame) => Buffer.concat([frame, more]));
  }),
);
const headerFlipped = fc.record({ moment, kind, at: fc.nat(), bit: fc.nat(7) }).map(({ moment, kind, at, bit }) =>
  attack(false, `${kind}, bit ${bit} of byte ${at} of its header`, moment, (step, id) => {
    const { head, tensors } = messages(step, id)[kind]!;
    const [frame] = encode(head as object, tensors) as [Uint8Array];
    const header = 28 + new DataView(frame.buffer, frame.byteOffset).getUint32(24, true);
    frame[24 + (at % (header - 24))]! ^= 1 << bit;
    return [frame];
  }),
);
const noise = fc
  .record({ moment, bytes: fc.uint8Array({ maxLength: 300 }) })
  .map(({ moment, bytes }) => attack(true, "noise", moment, () => [bytes]));
const text = fc
  .record({ moment, kind })
  .map(({ moment, kind }) => attack(true, "text", moment, (step, id) => [JSON.stringify(messages(step, id)[kind]!.head)]));
const anyOrder = fc.record({ moment, kinds: fc.array(kind, { minLength: 1, maxLength: 8 }) }).map(({ moment, kinds }) =>
  attack(false, kinds.join(", "), moment, (step, id) =>
    kinds.flatMap((each) => {
      const { head, tensors } = messages(step, id)[each]!;
      return encode(head as object, tensors);
    }),
  ),
);
const attacks = {
  "fields changed": fieldChanged,
  "fields missing": fieldMissing,
  "types unknown": typeUnknown,
  "fields added": fieldAdded,
  "tensors where none belong": tensorsWhereNoneBelong,
  "tensors renamed, reshaped, of other types": tensorsChanged,
  "tensors truncated": tensorsTruncated,
  "prefixes changed": prefixChanged,
  "frames cut": cut,
  "frames lengthened": lengthened,
  "headers with a bit flipped": headerFlipped,
  noise,
  text,
  "valid messages in any order and number": anyOrder,
};

let server: Awaited<ReturnType<typeof startDesk>>;
let exchange: Exchange;
let honest: Talker;
let step = 0;

beforeAll(async () => {
  process.env.TRIBUTARY_LOG_LEVEL = "error";
  exchange = Exchange.open()!;
  server = await startDesk(exchange);
  honest = await connect(server.peers.url);
  honest.say(hello);
  await honest.hear("welcome");
});
afterAll(async () => {
  await closeAll();
  exchange.close();
});

/** Comes as far as `moment`; answers its name. */
async function prepared(peer: Talker, moment: Moment): Promise<string> {
  if (moment === "stranger") return "t0";
  peer.say(hello);
  const { head } = await peer.hear("welcome");
  const id = head.trainer as string;
  if (moment === "sharing") {
    writeFileSync(join((head.exchange as Offer).dir, `${id}-0`), Buffer.concat(posterior(step).map(bytesOf)));
    peer.say({ type: "shares" });
  }
  if (moment !== "greeted") {
    peer.say({ type: "ask" });
    await peer.hear("lease");
  }
  return id;
}

async function survives({ moment, frames, isWrong }: Attack): Promise<void> {
  const { peers, desk } = server;
  step++;
  const done = desk.run({ ...work, step }, new AbortController().signal);
  const peer = await connect(peers.url);
  const id = await prepared(peer, moment);
  for (const frame of frames(step, id)) peer.socket.send(frame);
  // A pong comes after everything that the server had to say to what came before it.
  const rejected = peer.hear("rejected");
  const pong = new Promise<undefined>((resolve) => peer.socket.once("pong", () => resolve(undefined)));
  peer.socket.ping();
  const verdict = await Promise.race([rejected, Promise.all([pong, peer.closed]).then(() => undefined), isWrong ? rejected : pong]);
  if (isWrong) expect(verdict).toBeDefined();
  if (verdict) {
    expect(verdict.head.why).toMatch(/^(FRAME_MALFORMED|PEER_REJECTED): ./);
    expect(await peer.closed).toBe(1008);
    expect(peers.list().map((each) => each.id)).not.toContain(id);
  } else {
    peer.socket.terminate();
    await peer.closed;
  }
  if (desk.status().parts.total > 0) {
    honest.say({ type: "ask" });
    await honest.hear("lease");
    honest.say({ ...contribution, step }, posterior(step));
  }
  const [received] = await done;
  expect([...received!.tensors.mu!.data]).toEqual(Array(6).fill(step));
  expect([...received!.tensors.logvar!.data]).toEqual(Array(6).fill(step));
}

test.each(Object.entries(attacks))("%s: a bad peer hears why, the step is finished with the right numbers", async (_, arbitrary) => {
  await fc.assert(fc.asyncProperty(arbitrary, survives), { seed: 1337, numRuns: 60 });
});
