// Ports of this machine: what a flag may say, whether one is taken, told early, before anything else is started, and
// one that is free.
import { type AddressInfo, createServer } from "node:net";
import { z } from "zod";

/** 0 stands for any free one. */
export const portFlag = () => z.coerce.number().int().min(0).max(65_535);

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
