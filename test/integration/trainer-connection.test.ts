// The trainer's side of the socket against a server of the test's own, which says what it likes and hears everything.
import { afterEach, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { work } from "../../services/trainer/connection.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { groupOf, initialise } from "../../shared/neural/parameters.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { assembler, encode } from "../../shared/training/frames.ts";
import type { FromServer } from "../../shared/training/messages.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { freePort } from "./training-cluster.ts";

const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(port: number) {
  const server = new WebSocketServer({ host: "127.0.0.1", port });
  await new Promise((resolve) => server.once("listening", resolve));
  const arrived: { socket: WebSocket; closed: Promise<void>; hear(type: string): Promise<void>; heard: string[] }[] =
    [];
  const waiting: (() => void)[] = [];
  const woken = () => new Promise<void>((resolve) => waiting.push(resolve));
  const wake = () => {
    for (const each of waiting.splice(0)) each();
  };
  server.on("connection", (socket) => {
    const heard: string[] = [];
    const take = assembler(() => 1e9);
    socket.on("message", (data: Buffer) => {
      heard.push(String(take(data)?.head.type));
      wake();
    });
    const hear = async (type: string) => {
      while (!heard.includes(type)) await woken();
    };
    arrived.push({ socket, closed: new Promise((resolve) => socket.once("close", () => resolve())), hear, heard });
    wake();
  });
  const close = () => {
    for (const socket of server.clients) socket.terminate();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  closing.push(close);
  const peer = async (k: number) => {
    while (!arrived[k]) await woken();
    return arrived[k];
  };
  return { peer, close, arrived };
}

const say = (socket: WebSocket, message: FromServer, tensors: WireTensor[] = []) => {
  for (const frame of encode(message, tensors)) socket.send(frame);
};
const welcome: FromServer = { type: "welcome", trainer: "t1", seed: 1, wire: "f32", exchange: null };

/** Runs until the test is over. Answers every pause that the trainer drew. */
function startTrainer(port: number, engine: Engine): number[] {
  const draws: number[] = [];
  const controller = new AbortController();
  const until = { signal: controller.signal, stopped: new Promise<void>(() => {}) };
  const wanted = {
    server: `ws://127.0.0.1:${port}`,
    access: { headers: {}, ca: undefined },
    hello: { name: "test", engine: "none", threads: 1 },
    engine,
    log: createLog("test"),
    changed: () => {},
    computed: () => {},
  };
  const ended = work(wanted, until, () => {
    draws.push(0);
    return 0;
  });
  closing.push(() => {
    controller.abort();
    return ended;
  });
  return draws;
}
const noEngine = {} as Engine;

test("a trainer comes back to a server that died and stands at the same address again, with one connection and a drawn pause", async () => {
  const port = await freePort();
  const first = await listen(port);
  const draws = startTrainer(port, noEngine);
  const { socket, hear } = await first.peer(0);
  await hear("hello");
  say(socket, welcome);
  await hear("ask");
  await first.close();
  const second = await listen(port);
  const again = await second.peer(0);
  await again.hear("hello");
  say(again.socket, welcome);
  await again.hear("ask");
  expect(second.arrived).toHaveLength(1);
  expect(draws.length).toBeGreaterThan(0);
});

test("a server that listens and pings, but never welcomes, is left and tried again", async () => {
  const port = await freePort();
  const server = await listen(port);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  startTrainer(port, noEngine);
  const { socket, hear, closed } = await server.peer(0);
  await hear("hello");
  await vi.advanceTimersByTimeAsync(9_000);
  const ponged = new Promise((resolve) => socket.once("pong", resolve));
  socket.ping();
  await ponged;
  await vi.advanceTimersByTimeAsync(1_000);
  await closed;
  await vi.advanceTimersByTimeAsync(1_000);
  await (await server.peer(1)).hear("hello");
});

test("a trainer asks for the next part before it computes the one at hand", async () => {
  const config = recipeOf({ ...defaults, items: 5, hidden: 4, latent: 3 });
  const port = await freePort();
  const server = await listen(port);
  startTrainer(port, await openEngine({ threads: 1 }));
  const { socket, hear, heard } = await server.peer(0);
  await hear("hello");
  say(socket, welcome);
  await hear("ask");
  const weights = Object.entries(groupOf(initialise(config, 1), "hidden", config));
  say(
    socket,
    { type: "weights", group: "hidden", version: 1, model: config },
    weights.map(([name, { shape, data }]) => ({ name, shape, data })),
  );
  const versions = { hidden: 1, decoder: null };
  const bag = { name: "bag", shape: [2, 4], data: new Float32Array(8) };
  say(socket, { type: "lease", step: 3, part: 0, phase: "posterior", batchSize: 2, versions }, [bag]);
  await hear("contribution");
  expect(heard).toEqual(["hello", "ask", "ask", "contribution"]);
}, 20_000);
