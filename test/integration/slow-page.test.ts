// A page behind a slow line gets the history all the same; one that does not read is dropped.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import Fastify from "fastify";
import { expect, test } from "vitest";
import { emptyHistory, type History } from "../../services/dashboard/history.ts";
import { serveStream } from "../../services/dashboard/stream.ts";

const ROWS = 17_280;
const STALLED = 1_000;
/** About 24 MB: more than the two sockets' buffers hold. */
const column = Array.from({ length: ROWS }, (_, k) => Math.sqrt(k + 2));
const history: History = {
  ...emptyHistory(),
  samples: {
    at: column.map((_, k) => k),
    columns: Object.fromEntries(Array.from({ length: 70 }, (_, k) => [`c${k}`, column])),
  },
};

test("a page that takes the history slowly is no page that takes nothing", async () => {
  const app = Fastify();
  const now = () => ({ dataDir: "here", health: null });
  const stream = serveStream(app, {
    now,
    history,
    thin: () => ({ before: 0, every: 1 }),
    admit: () => undefined,
    stalledMs: STALLED,
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as { port: number };
  const open = async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).pause();
    await once(socket, "connect");
    socket.write("GET /events HTTP/1.1\r\nhost: x\r\n\r\n");
    return socket;
  };
  const update = setInterval(() => stream.send({ ...now(), news: emptyHistory() }), 200);
  const [slow, idle] = [await open(), await open()];
  let taken = 0;
  let isWhole = false;
  const startedAt = performance.now();
  slow.on("data", (data: Buffer) => {
    taken += data.length;
    isWhole ||= data.includes("event: update");
    slow.pause();
    void sleep(taken % (1 << 20) < data.length ? 200 : 0).then(() => slow.resume());
  });
  slow.resume();
  const closed = once(slow, "close").then(() => false);
  expect(
    await Promise.race([
      closed,
      (async () => {
        while (!isWhole) await sleep(50);
        return true;
      })(),
    ]),
  ).toBe(true);
  expect(performance.now() - startedAt).toBeGreaterThan(2 * STALLED);
  expect(app.server.listening).toBe(true);
  idle.resume(); // what lay in its buffers comes, and then the end
  await once(idle, "close");
  clearInterval(update);
  slow.destroy();
  stream.close();
  await app.close();
}, 30_000);
