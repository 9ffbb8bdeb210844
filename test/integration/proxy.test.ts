// What the tests of faults stand on: the proxy itself delays, narrows, cuts, goes deaf, holds and heals as it says.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Network, openProxy } from "./proxy.ts";

let proxy: Network;
let near: Socket;
let far: Socket;
const ignored = () => {};
const server = createServer({ allowHalfOpen: true }, (socket) => socket.on("error", ignored));

beforeEach(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await openProxy((server.address() as { port: number }).port);
  near = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [[Socket], []];
  near.on("error", ignored);
});
afterEach(async () => {
  for (const socket of [near, far]) socket.destroy();
  await proxy.close();
  server.close();
  await once(server, "close");
  expect(proxy.connections).toBe(0);
});

const closed = (socket: Socket) => new Promise<boolean>((resolve) => socket.resume().once("close", resolve));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** So many bytes of what comes. */
async function take(socket: Socket, count: number): Promise<string> {
  let text = "";
  while (text.length < count) {
    const [bytes] = (await once(socket, "data")) as [Buffer];
    text += bytes.toString("latin1");
  }
  return text;
}

test("bytes pass both ways in their order, and an end of one way leaves the other open", async () => {
  const sent = Array.from({ length: 200_000 }, (_, k) => String(k)).join(",");
  near.end(sent);
  expect(await take(far, sent.length)).toBe(sent);
  await once(far, "end");
  far.end("answer");
  expect(await take(near, 6)).toBe("answer");
});

test("a delayed byte takes so long, there and back", async () => {
  proxy.delay(50);
  far.on("data", (bytes) => far.write(bytes));
  const startedAt = performance.now();
  near.write("x");
  await take(near, 1);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(100);
});

test("a throttled line passes so many bytes a second", async () => {
  proxy.throttle(100_000);
  const startedAt = performance.now();
  near.write(Buffer.alloc(30_000));
  near.write(Buffer.alloc(20_000));
  await take(far, 50_000);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(499);
});

test("who sends more than the line takes is held back, and nothing is lost when it heals", async () => {
  proxy.throttle(1);
  const bytes = Buffer.alloc(40 * 2 ** 20);
  near.write(bytes);
  await sleep(200);
  expect(near.writableLength).toBeGreaterThan(0);
  proxy.heal();
  await take(far, bytes.length);
});

test("a cut resets both sides, and the next connection passes", async () => {
  const ends = [near, far].map(closed);
  proxy.cut();
  expect(await Promise.all(ends)).toEqual([true, true]);
  near = connect(proxy.port, "127.0.0.1").on("error", ignored);
  [far] = (await once(server, "connection")) as [Socket];
  near.write("again");
  expect(await take(far, 5)).toBe("again");
});

test("half-open: neither bytes nor an end pass, until it heals", async () => {
  const heard: string[] = [];
  far.on("data", (bytes) => heard.push(String(bytes))).on("end", () => heard.push("end"));
  proxy.halfOpen();
  near.end("lost?");
  far.write("lost as well?");
  await sleep(100);
  expect(heard).toEqual([]);
  expect(near.bytesRead).toBe(0);
  proxy.heal();
  expect(await take(near, 13)).toBe("lost as well?");
  while (heard.length < 2) await sleep(5);
  expect(heard).toEqual(["lost?", "end"]);
});

test("a connection made while half-open is there at both ends only after it heals", async () => {
  proxy.halfOpen();
  let accepted = false;
  server.once("connection", () => {
    accepted = true;
  });
  const late = connect(proxy.port, "127.0.0.1").on("error", ignored);
  late.write("hello");
  await once(late, "connect");
  await sleep(50);
  expect(accepted).toBe(false);
  proxy.heal();
  const [there] = (await once(server, "connection")) as [Socket];
  expect(await take(there, 5)).toBe("hello");
  late.destroy();
});

test("it holds at the bytes waited for, even across two chunks, and nothing of them has passed", async () => {
  const held = proxy.holdAt("up", /stop here/);
  let heard = "";
  far.on("data", (bytes) => {
    heard += bytes;
  });
  near.write("before;");
  await once(far, "data");
  near.write("stop ");
  await once(far, "data");
  near.write("here; after");
  await held;
  far.write("the other way is open");
  await take(near, 21);
  expect(heard).toBe("before;stop ");
  proxy.heal();
  while (heard.length < 23) await once(far, "data");
  expect(heard).toBe("before;stop here; after");
});
