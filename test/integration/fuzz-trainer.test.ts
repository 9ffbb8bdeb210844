// Every message that a server can send, mutated, to a trainer: it ends with FRAME_MALFORMED, or the mutation was none
// and it works on. It never hangs, and never fails otherwise.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { work } from "../../services/trainer/connection.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { initialCritic } from "../../shared/neural/critic.ts";
import { initialise, shapesOf } from "../../shared/neural/parameters.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { assembler, encode, FRAME_BYTES } from "../../shared/training/frames.ts";
import { phaseNames } from "../../shared/training/phases.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { type Json, type Message, mutations, wrongTensors } from "./mutations.ts";

const model = recipeOf({ ...defaults, items: 5, hidden: 4, latent: 3 });
const initial = initialise(model, 1);
const weightsOf = (group: "hidden" | "decoder"): Message => ({
  head: { type: "weights", group, version: 9, model: model as unknown as Json },
  tensors: shapesOf(group, model).map(([name, shape]) => ({ name, shape, data: initial[name]!.data })),
});
const floats = (name: string, width: number): WireTensor => ({
  name,
  shape: [2, width],
  data: new Float32Array(2 * width).fill(0.1),
});
const integers = (name: string, ...data: number[]): WireTensor => ({
  name,
  shape: [data.length],
  data: Int32Array.from(data),
});

const rows = [integers("columns", 0, 2, 4), integers("ends", 1, 3)];
const keys = integers("users", 7, 8);
const critic = Object.entries(initialCritic(1, 0)).map(
  ([name, { shape, data }]): WireTensor => ({ name, shape, data }),
);
const inputs = {
  posterior: [],
  encoder: [...rows, keys, floats("muOld", 3), floats("logvarOld", 3)],
  joint: [...rows, keys, floats("muOld", 3), floats("logvarOld", 3)],
  decoder: [...rows, keys],
  critic: [...rows, keys, ...critic], // refused: RecVAE has none
  actor: [...rows, keys, ...critic],
  score: [...rows, integers("targets", 1, 3), integers("targetEnds", 1, 2)],
};
const leaseOf = (phase: (typeof phaseNames)[number], tensors: WireTensor[] = inputs[phase]): Message => ({
  head: { type: "lease", step: 4, part: 0, phase, batchSize: 2, versions: { hidden: 9, decoder: 9 } },
  tensors: [floats("bag", 4), ...tensors],
});
const welcome: Message = {
  head: { type: "welcome", trainer: "t1", seed: 1, wire: "f32", exchange: null },
  tensors: [],
};
const messages: Record<string, Message> = {
  welcome,
  hidden: weightsOf("hidden"),
  decoder: weightsOf("decoder"),
  ...Object.fromEntries(phaseNames.map((phase) => [`lease of ${phase}`, leaseOf(phase)])),
  late: { head: { type: "late", step: 3, part: 0 }, tensors: [] },
  rejected: { head: { type: "rejected", why: "why not" }, tensors: [] },
  done: { head: { type: "done" }, tensors: [] },
};
const usual = ["welcome", "hidden", "decoder", "lease of encoder"];
const kinds = Object.keys(messages);
const withTensors = kinds.filter((kind) => messages[kind]!.tensors.length > 0);

let server: WebSocketServer;
let engine: Engine;
/** What the server says when a trainer says hello. */
let script: (socket: WebSocket) => void = () => undefined;

beforeAll(async () => {
  process.env.TRIBUTARY_LOG_LEVEL = "error";
  engine = await openEngine({ threads: 1, wanted: "wasm" });
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.once("message", () => script(socket));
  });
  await once(server, "listening");
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

/**
 * "done", "rejected", or the error's code, of a trainer that is sent these. INTERNAL is what would be a stack trace.
 */
async function ending(frames: readonly (Uint8Array | string)[]): Promise<string> {
  script = (socket) => {
    for (const frame of frames) socket.send(frame);
    for (const frame of encode({ type: "done" })) socket.send(frame);
    socket.close(1001);
  };
  const until = { signal: new AbortController().signal, stopped: new Promise<void>(() => undefined) };
  const { port } = server.address() as AddressInfo;
  const nothing = () => undefined;
  const access = { headers: {}, ca: undefined };
  const hello = { name: "test", engine: "wasm", threads: 1 };
  const wanted = {
    server: `ws://127.0.0.1:${port}`,
    access,
    hello,
    engine,
    log: createLog("test"),
    changed: nothing,
    computed: nothing,
  };
  try {
    await work(wanted, until);
    return "done";
  } catch (error) {
    return (error as { code?: string }).code ?? `INTERNAL: ${(error as Error).stack}`;
  }
}
const framesOf = ({ head, tensors }: Message) => encode(head as object, tensors);

const isOfCritic = (phase: string) => phase === "critic" || phase === "actor";

test.each(phaseNames.filter(isOfCritic))(
  "a lease of the phase %s is refused by a model without a critic",
  async (phase) => {
    const frames = [...["welcome", "hidden", "decoder"].map((kind) => messages[kind]!), leaseOf(phase)].flatMap(
      framesOf,
    );
    expect(await ending(frames)).toBe("FRAME_MALFORMED");
  },
);

test.each(phaseNames.filter((phase) => !isOfCritic(phase)))("a right server's %s is computed", async (phase) => {
  let answer: string | undefined;
  const frames = [...["welcome", "hidden", "decoder"].map((kind) => messages[kind]!), leaseOf(phase)].flatMap(framesOf);
  const told = once(server, "connection").then(([socket]: WebSocket[]) => {
    const take = assembler(() => 1e9);
    socket!.on("message", (data: Buffer) => {
      const { head } = take(data)!;
      if (head.type === "contribution") answer = head.phase as string;
    });
  });
  expect(await ending(frames)).toBe("done");
  await told;
  await expect.poll(() => answer).toBe(phase);
});

/** The usual messages, this one in its place, or after them. */
function around(kind: string, instead: (Uint8Array | string)[]): (Uint8Array | string)[] {
  const order = usual.includes(kind) ? usual : [...(kind.startsWith("lease") ? usual.slice(0, 3) : usual), kind];
  return order.flatMap((each) => (each === kind ? instead : framesOf(messages[each]!)));
}

const mutated = fc.constantFrom(...kinds);
test.each(Object.entries(mutations))("%s: the trainer ends with words, or works on", async (_, arbitrary) => {
  await fc.assert(
    fc.asyncProperty(mutated, arbitrary, async (kind, { of, isWrong }) => {
      const end = await ending(around(kind, of(messages[kind]!)));
      if (isWrong) expect(end).toBe("FRAME_MALFORMED");
      else expect(["FRAME_MALFORMED", "PEER_REJECTED", "done"]).toContain(end);
    }),
    { seed: 1337, numRuns: 60 },
  );
});

test("tensors renamed, reshaped, of other types, truncated: the trainer ends with words", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...withTensors), wrongTensors, async (kind, { of }) => {
      expect(await ending(around(kind, of(messages[kind]!)))).toBe("FRAME_MALFORMED");
    }),
    { seed: 1337, numRuns: 150 },
  );
});

test("valid messages in any order and number: the trainer ends with words, or works on", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...kinds), { maxLength: 8 }), async (order) => {
      const end = await ending(order.flatMap((kind) => framesOf(messages[kind]!)));
      expect(["FRAME_MALFORMED", "PEER_REJECTED", "done"]).toContain(end);
    }),
    { seed: 1337, numRuns: 100 },
  );
});

test.each<[string, Message]>([
  ["a column that the model has not", leaseOf("decoder", [integers("columns", 0, 5, 4), integers("ends", 1, 3), keys])],
  ["a negative column", leaseOf("decoder", [integers("columns", 0, -1, 4), integers("ends", 1, 3), keys])],
  ["rows that go backwards", leaseOf("decoder", [integers("columns", 0, 2, 4), integers("ends", 3, 1), keys])],
  ["rows beyond the columns", leaseOf("decoder", [integers("columns", 0, 2, 4), integers("ends", 1, 4), keys])],
  [
    "targets that the model has not",
    leaseOf("score", [...rows, integers("targets", 1, 9), integers("targetEnds", 1, 2)]),
  ],
  ["nobody in it", { ...leaseOf("posterior"), tensors: [{ name: "bag", shape: [0, 4], data: new Float32Array(0) }] }],
])("a lease with %s is refused", async (_, lease) => {
  const frames = [welcome, messages.hidden!, messages.decoder!, lease].flatMap(framesOf);
  expect(await ending(frames)).toBe("FRAME_MALFORMED");
});

test("weights of two sizes of a model do not pass for one", async () => {
  const larger = { ...model, items: 6 };
  const tensors = shapesOf("decoder", larger).map(([name, shape]) => ({
    name,
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size)),
  }));
  const decoder = {
    head: { type: "weights", group: "decoder", version: 9, model: larger as unknown as Json },
    tensors,
  };
  expect(await ending([welcome, messages.hidden!, decoder, leaseOf("decoder")].flatMap(framesOf))).toBe(
    "FRAME_MALFORMED",
  );
});

test("what is no websocket's frame, and what is too large for one, end in words too", async () => {
  script = (socket) =>
    (socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(Buffer.from([0xff, 0xff, 0xff]));
  const broken = script;
  expect(await ending([new Uint8Array(9 * 2 ** 20)])).toBe("FRAME_MALFORMED");
  const end = ending([]);
  script = broken;
  expect(await end).toBe("FRAME_MALFORMED");
});

/** The trainer's clock runs a minute and more; the sockets stay real. Once a second every connection is pinged. */
async function inTheEnd(says: (socket: WebSocket, connection: number) => void): Promise<string | undefined> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  let end: string | undefined;
  let connections = 0;
  void ending([]).then((found) => {
    end = found;
  });
  script = (socket) => says(socket, ++connections);
  for (let second = 0; second < 90 && end === undefined; second++) {
    for (const client of server.clients) client.ping();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(1_000);
  }
  return end;
}

test("a server that pings and never says welcome is given up", async () => {
  expect(await inTheEnd(() => undefined)).toBe("SERVER_UNREACHABLE");
});

test("a message that stops half-way ends its connection, although pings come, and the next one goes on", async () => {
  const data = new Float32Array((1.5 * FRAME_BYTES) / 4);
  const half = encode({ type: "weights" }, [{ name: "x", shape: [data.length], data }])[0]!;
  const end = await inTheEnd((socket, connection) => {
    for (const frame of framesOf(welcome)) socket.send(frame);
    for (const frame of connection === 1 ? [half] : encode({ type: "done" })) socket.send(frame);
    if (connection > 1) socket.close(1001);
  });
  expect(end).toBe("done");
});
