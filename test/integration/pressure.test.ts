// Back-pressure and deadlines of the sockets: what a peer that does not read, reads late, floods or stops half-way
// costs the server.
import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { CLOGGED_BYTES } from "../../services/server/admission/outflow.ts";
import { listenForPeers, type Peer, type Peers } from "../../services/server/admission/peers.ts";
import { encode, FRAME_BYTES } from "../../shared/training/frames.ts";
import { until } from "./processes.ts";
import { closeAll, connect, contribution, hello } from "./talker.ts";

const servers: Peers[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
  await Promise.all(servers.splice(0).map((each) => each.close(false)));
});

/** A server that only listens, and keeps what happened. */
async function listen(said: () => void = () => undefined) {
  const clogged = new Set<string>();
  const left: Record<string, string> = {};
  const handlers = {
    joined: () => undefined,
    said,
    flow: ({ name }: Peer, isClogged: boolean) => void (isClogged ? clogged.add(name) : clogged.delete(name)),
    left: ({ name }: Peer, why: string) => {
      left[name] = why;
    },
  };
  const peers = await listenForPeers({ host: "127.0.0.1", port: 0, limit: () => 1e9 }, handlers, {
    seed: 1,
    wire: "f32",
  });
  servers.push(peers);
  const join = async (name: string) => {
    const peer = await connect(peers.url, { generateMask: (mask) => mask.fill(0) });
    peer.say({ ...hello, name });
    await peer.hear("welcome");
    return peer;
  };
  return { peers, clogged, left, join };
}

const megabyte = { name: "x", shape: [2 ** 18], data: new Float32Array(2 ** 18) };

test("a peer that does not read holds no more than two frames of the server's memory, and gets everything when it reads on", async () => {
  const { peers, clogged, join } = await listen();
  const [good, bad] = [await join("good"), await join("bad")];
  const idOf = (name: string) => peers.list().find((peer) => peer.name === name)!.id;
  const sentTo: Record<string, number> = { good: 0, bad: 0 };
  const heard: Record<string, number> = { good: 0, bad: 0 };
  let most = 0;
  bad.socket.pause();
  for (const [name, { socket }] of [["good", good] as const, ["bad", bad] as const])
    socket.on("message", () => heard[name]!++);
  for (let round = 0; round < 200; round++) {
    for (const name of ["good", "bad"]) {
      if (clogged.has(name)) continue;
      sentTo[name]!++;
      peers.send(idOf(name), encode({ type: "any" }, [megabyte]));
    }
    most = Math.max(most, peers.bytes.waiting);
    await until("the good one has read", () => heard.good === sentTo.good);
  }
  expect(sentTo.good).toBe(200);
  expect([...clogged]).toEqual(["bad"]);
  expect(most).toBeGreaterThan(CLOGGED_BYTES);
  expect(most).toBeLessThan(CLOGGED_BYTES + 3 * 2 ** 20);
  bad.socket.resume();
  await until("the bad one has read", () => heard.bad === sentTo.bad);
  expect(clogged.size).toBe(0);
  await until("the server knows", () => peers.bytes.waiting === 0);
});

test("when a peer that did not read goes away, nothing of it is left, and whoever lent the memory is told", async () => {
  const { peers, join } = await listen();
  const bad = await join("bad");
  bad.socket.pause();
  const [{ id }] = peers.list() as [Peer];
  let returned = 0;
  for (let k = 0; k < 40; k++) peers.send(id, encode({ type: "any" }, [megabyte]), () => returned++);
  expect(returned).toBeLessThan(40);
  bad.socket.terminate();
  await until("it is gone", () => peers.list().length === 0);
  await until("all is returned", () => returned === 40);
  expect(peers.bytes.waiting).toBe(0);
});

test("a peer that writes as fast as it can is read as fast as the server handles it: memory does not grow with what was sent", async () => {
  let [messages, most] = [0, 0];
  const { peers, join } = await listen(() => {
    messages++;
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  });
  const peer = await join("flood");
  const frames = encode(contribution, [{ name: "x", shape: [2 ** 20], data: new Float32Array(2 ** 20) }]);
  const before = process.memoryUsage().arrayBuffers;
  const total = 150; // 600 MB
  for (let k = 0; k < total; k++)
    for (const frame of frames) await new Promise((resolve) => peer.socket.send(frame, resolve));
  await until("all came", () => messages === total);
  expect(peers.bytes.received).toBeGreaterThan(6e8);
  expect(most - before).toBeLessThan(100 * 2 ** 20);
});

test("a peer that floods with messages is dropped and told so, and the others stay", async () => {
  const { peers, left, join } = await listen();
  const [good, bad] = [await join("good"), await join("bad")];
  for (let k = 0; k < 40_000; k++) bad.say({ type: "ask" });
  expect((await bad.hear("rejected")).head.why).toMatch(/too many messages a second/);
  await bad.closed;
  good.say({ type: "ask" });
  expect(left).toEqual({ bad: expect.stringMatching(/too many/) });
  expect(peers.list().map(({ name }) => name)).toEqual(["good"]);
});

test("pings count as messages", async () => {
  const { join, left } = await listen();
  const bad = await join("bad");
  for (let k = 0; k < 40_000; k++) bad.socket.ping();
  await bad.closed;
  expect(left.bad).toMatch(/too many|closed/); // ws itself may be the first
});

/** The server's clock runs; its sockets stay real. `alive` speaks every second. */
async function pass(seconds: number, peers: Peers, alive: readonly { name: string; say(head: object): void }[]) {
  for (let k = 0; k < seconds; k++) {
    vi.advanceTimersByTime(1_000);
    for (const { say } of alive) say({ type: "ask" });
    const lastSeenAt = (name: string) => peers.list().find((peer) => peer.name === name)?.lastSeenAt ?? Date.now();
    await until("they were heard", () => alive.every(({ name }) => Math.abs(lastSeenAt(name) - Date.now()) < 1));
  }
}
const stopClock = () => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date", "performance"] });

test("a message that stops half-way ends its peer, although it answers pings", async () => {
  stopClock();
  const { peers, left, join } = await listen();
  const [good, bad] = [await join("good"), await join("bad")];
  const data = new Float32Array((1.5 * FRAME_BYTES) / 4);
  bad.raw(encode(contribution, [{ name: "x", shape: [data.length], data }])[0]!);
  await until("its first frame came", () => peers.bytes.received > FRAME_BYTES);
  await pass(29, peers, [{ name: "good", ...good }]);
  expect(left).toEqual({});
  await pass(2, peers, [{ name: "good", ...good }]);
  expect(left).toEqual({ bad: expect.stringMatching(/half-way/) });
  await bad.closed;
});

test("a peer that speaks but takes nothing of what it is sent is ended", async () => {
  stopClock();
  const { peers, left, join } = await listen();
  const bad = await join("bad");
  bad.socket.pause();
  const [{ id }] = peers.list() as [Peer];
  for (let k = 0; k < 40; k++) peers.send(id, encode({ type: "any" }, [megabyte]));
  await new Promise((resolve) => setTimeout(resolve, 200)); // the kernel takes some
  await pass(31, peers, [{ name: "bad", ...bad }]);
  expect(left).toEqual({ bad: expect.stringMatching(/took nothing/) });
  expect(peers.bytes.waiting).toBe(0);
});

test("a connection that never says hello is told so and ends", async () => {
  stopClock();
  const { peers } = await listen();
  const stranger = await connect(peers.url);
  vi.advanceTimersByTime(10_000);
  expect((await stranger.hear("rejected")).head.why).toMatch(/no hello came/);
  expect(await stranger.closed).toBe(1008);
});

test("what is no websocket's frame ends the connection with the code that says so", async () => {
  const { peers, left, join } = await listen();
  const [large, broken] = [await join("large"), await join("broken")];
  large.raw(new Uint8Array(FRAME_BYTES + 2 ** 16));
  expect(await large.closed).toBe(1009);
  (broken.socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(Buffer.from([0xff, 0xff, 0xff]));
  await once(broken.socket, "close");
  expect(peers.list()).toEqual([]);
  expect(left).toMatchObject({ large: expect.stringMatching(/payload/i), broken: expect.stringMatching(/RSV/) });
});
