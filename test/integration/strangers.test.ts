// Strangers at the parameter server's sockets, in every state that they can stay in: each is ended in time, and a
// trainer gets in meanwhile. The order of their deeds is strangers.test.ts of the unit tests.
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Certificate } from "../../services/server/admission/certificate.ts";
import { MOST_STRANGERS, SMALL_MESSAGE } from "../../services/server/admission/limits.ts";
import { linesOf, tokensOf } from "../../shared/http/token.ts";
import { authority } from "./certificates.ts";
import { until } from "./processes.ts";
import { closeAll, connect, hello, startScheduler } from "./talker.ts";

afterEach(closeAll);

const tokens = tokensOf(linesOf("trainer tttt"));
const trainer = { headers: { authorization: "Bearer tttt" } };
let certificate: Certificate;
let ca: string;
beforeAll(() => {
  const issuer = authority();
  ca = issuer.cert;
  certificate = issuer.issue("127.0.0.1", 1);
});

const upgrade = (authorization = "") =>
  "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: " +
  `13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${authorization}\r\n`;
const welcome = upgrade("authorization: Bearer tttt\r\n");
/** The header of a client's frame with a mask of zeros; its length in 64 bits. */
function frame(opcode: number, length: number, isLast = true): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt8((isLast ? 0x80 : 0) | opcode, 0);
  header.writeUInt8(0x80 | 127, 1);
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}
const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);

/** What is said at once, and what again and again, by somebody who never closes. */
const manners: Readonly<Record<string, readonly [first: (string | Buffer)[], again?: string | Buffer]>> = {
  "who says nothing": [[]],
  "who stops in the middle of the first line": [["GET /stat"]],
  "whose headers come byte by byte": [["GET /status HTTP/1.1\r\nx: "], "y"],
  "whose body comes byte by byte": [["POST /status HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"], "z"],
  "who is answered, and stays": [["GET /status HTTP/1.1\r\nhost: x\r\n\r\n"]],
  "whose websocket is refused, and who stays": [[upgrade()]],
  "who goes on talking after that": [[upgrade()], "x".repeat(1000)],
  "who asks for another protocol": [[welcome.replace("websocket", "h2c")]],
  "whose websocket says nothing": [[welcome]],
  "whose frame does not end": [[welcome, frame(2, 1000)]],
  "whose frame comes byte by byte": [[welcome, frame(2, SMALL_MESSAGE)], "\0"],
  "whose message comes in pieces without end": [
    [welcome, frame(2, 1, false), "\0"],
    Buffer.concat([frame(0, 1, false), Buffer.alloc(1)]),
  ],
  "whose frame is longer than a stranger's may be": [[welcome, frame(2, SMALL_MESSAGE + 1)]],
  "who pings and pings": [[welcome], Buffer.concat(Array<Buffer>(20).fill(ping))],
};

describe.each(["ws", "wss"] as const)("over %s", (scheme) => {
  const open = (port: number): Socket =>
    scheme === "ws" ? connectTcp(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", ca, servername: "" });

  test("a stranger in any state is ended in time, and a trainer gets in meanwhile", async () => {
    const { peers } = await startScheduler(undefined, { tokens, ...(scheme === "wss" ? { certificate } : {}) });
    const port = Number(new URL(peers.url).port);
    const here = new Set(Object.keys(manners));
    const timers = Object.entries(manners).map(([name, [first, again]]) => {
      const socket = open(port);
      socket.on("error", () => undefined).on("close", () => here.delete(name));
      socket.resume();
      socket.setNoDelay();
      for (const each of first) socket.write(each);
      return setInterval(() => again !== undefined && socket.writable && socket.write(again), 100);
    });
    if (scheme === "wss") {
      here.add("whose TLS does not begin");
      connectTcp(port, "127.0.0.1")
        .on("close", () => here.delete("whose TLS does not begin"))
        .on("error", () => undefined)
        .write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    }
    const peer = await connect(peers.url, { ...trainer, ca });
    peer.say(hello);
    await peer.hear("welcome");
    await until(`all are ended, not ${[...here]}`, () => here.size === 0, 16_000).catch(() => undefined);
    for (const timer of timers) clearInterval(timer);
    expect([...here]).toEqual([]);
    expect(peers.list()).toHaveLength(1);
  }, 25_000);
});

test("a stranger's message is refused by its header: nothing of 8 MiB is held", async () => {
  const { peers } = await startScheduler();
  const peer = await connect(peers.url);
  const socket = (peer.socket as unknown as { _socket: Socket })._socket;
  socket.write(frame(2, 8 << 20));
  expect((await peer.hear("rejected")).head.why).toBe(
    `FRAME_MALFORMED: a payload of ${8 << 20} bytes, above the limit of ${SMALL_MESSAGE}`,
  );
  expect(await peer.closed).toBe(1008);
});

test("nor is a trainer's that owes no answer", async () => {
  const { peers } = await startScheduler();
  const peer = await connect(peers.url);
  peer.say(hello);
  await peer.hear("welcome");
  (peer.socket as unknown as { _socket: Socket })._socket.write(frame(2, 8 << 20));
  expect((await peer.hear("rejected")).head.why).toMatch(/above the limit/);
});

test("a trainer gets in while strangers come and come, and their places are free again afterwards", async () => {
  const { peers } = await startScheduler(undefined, { tokens });
  const port = Number(new URL(peers.url).port);
  const sockets: Socket[] = [];
  let closed = 0;
  const crowd = setInterval(() => {
    for (let k = 0; k < 25 && sockets.length < 4 * MOST_STRANGERS; k++) {
      const socket = connectTcp(port, "127.0.0.1");
      socket.on("error", () => undefined).on("close", () => closed++);
      socket.resume();
      if (k % 2 === 0) socket.write(upgrade());
      sockets.push(socket);
    }
  }, 10);
  await until("all places are taken", () => closed > 0);
  for (let k = 0; k < 3; k++) {
    const peer = await connect(peers.url, trainer);
    peer.say(hello);
    await peer.hear("welcome");
  }
  clearInterval(crowd);
  expect(sockets.length).toBeGreaterThan(MOST_STRANGERS);
  await until("nobody of them is left", () => closed === sockets.length, 20_000);
  expect(peers.list()).toHaveLength(3);
}, 40_000);
