// Ports of this machine: tells early that one is taken, before anything else is started, and finds a free one.
import { type AddressInfo, createServer } from "node:net";

/** Throws EADDRINUSE (AppError PORT_IN_USE at the edge). Port 0 is always free. */
export async function assertPortFree(port: number): Promise<void> {
  await probe(port);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return probe(0);
}

function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const { port: got } = server.address() as AddressInfo;
      server.close(() => resolve(got));
    });
  });
}
