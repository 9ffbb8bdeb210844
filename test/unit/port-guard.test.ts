// The guard of a port, with sockets of the test's own: none of them is lost sight of.
import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { guardPort } from "../../shared/http/port-guard.ts";

afterEach(() => void vi.useRealTimers());

test("one port of a stranger's that leads to two addresses of this machine is two strangers, and both are ended in time", () => {
  vi.useFakeTimers({ toFake: ["setInterval", "performance"] });
  const server = new EventEmitter();
  const patience = { asking: 5_000, sending: 5_000, answering: 5_000, idle: 5_000, refused: 5_000, greeting: 5_000 };
  guardPort(server as Server, { most: 10, mostAt: {}, patience });
  const sockets = ["10.0.0.1", "10.0.0.2"].map((localAddress) => {
    const addresses = { remoteAddress: "10.9.9.9", remotePort: 4000, localAddress, localPort: 7070 };
    return Object.assign(new EventEmitter(), addresses, { destroy: vi.fn() });
  });
  for (const socket of sockets) server.emit("connection", socket);
  vi.advanceTimersByTime(6_000);
  for (const { destroy } of sockets) expect(destroy).toHaveBeenCalled();
});
