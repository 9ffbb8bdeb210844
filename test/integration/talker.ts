// For tests of the sockets: a scheduler that listens, a step of one small part, and peers of the test's own that say
// what they like and keep what they hear.
import { type ClientOptions, WebSocket } from "ws";
import type { Listen } from "../../services/server/admission/admission.ts";
import { SMALL_MESSAGE } from "../../services/server/admission/limits.ts";
import { listenForPeers, type Peers } from "../../services/server/admission/peers.ts";
import { openScheduler, type Work } from "../../services/server/scheduler/scheduler.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import type { Exchange } from "../../shared/training/exchange.ts";
import { assembler, type Decoded, encode } from "../../shared/training/frames.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";

const open: { close(): void | Promise<void> }[] = [];
export async function closeAll(): Promise<void> {
  for (const each of open.splice(0).reverse()) await each.close();
}

export async function startScheduler(exchange?: Exchange, listen: Partial<Listen> = {}) {
  let peers: Peers | undefined;
  const metrics = createMetrics("test");
  const scheduler = openScheduler(() => peers!, { log: createLog("test"), metrics, exchange });
  const limit = (id: string) => (scheduler.awaits(id) ? 1e6 : SMALL_MESSAGE);
  const pages = { status: scheduler.status, metrics };
  peers = await listenForPeers({ host: "127.0.0.1", port: 0, pages, exchange, limit, ...listen }, scheduler.handlers, {
    seed: 1,
    wire: "f32",
  });
  open.push({ close: () => peers.close(false) }, scheduler);
  return { peers, scheduler };
}

export type Talker = Awaited<ReturnType<typeof connect>>;

/** Rejects when it is not let in. */
export async function connect(url: string, options: ClientOptions = {}) {
  const socket = new WebSocket(url, options);
  const heard: Decoded[] = [];
  const waiting: (() => void)[] = [];
  const take = assembler(() => 1e9);
  socket.on("message", (data: Buffer) => {
    const decoded = take(data);
    if (decoded) heard.push(decoded);
    for (const wake of waiting.splice(0)) wake();
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.on("error", () => {});
  open.push({ close: () => socket.terminate() });
  return {
    socket,
    closed,
    raw: (bytes: Uint8Array) => socket.send(bytes),
    say: (head: object, tensors: WireTensor[] = []) => {
      for (const frame of encode(head, tensors)) socket.send(frame);
    },
    hear: async (type: string) => {
      for (;;) {
        const at = heard.findIndex(({ head }) => head.type === type);
        if (at >= 0) return heard.splice(at, 1)[0]!;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

export const hello = { type: "hello", name: "test", engine: "none", threads: 1 };
export const config = recipeOf({ ...defaults, items: 5, hidden: 4, latent: 3 });
/** A step of one posterior part of 2 users. */
export const work: Work = {
  step: 4,
  phase: "posterior",
  batchSize: 2,
  config,
  parts: [Uint32Array.of(0, 1)],
  hidden: { version: 9, model: config, tensors: () => [] },
  decoder: undefined,
  inputs: () => [],
};
const times = { data: 0.5, compute: 1, push: 0, wait: 2, pull: 0 };
export const contribution = {
  type: "contribution",
  step: 4,
  part: 0,
  phase: "posterior",
  reconstruction: 0,
  kl: 0,
  spent: {},
  times,
};
export const posterior = (value: number): WireTensor[] =>
  ["mu", "logvar"].map((name) => ({ name, shape: [2, 3], data: new Float32Array(6).fill(value) }));
