// How fast messages go from here to a thread and back: the real frames through a real websocket on loopback, and the
// same through files in memory.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type WebSocket, WebSocketServer } from "ws";
import { Exchange } from "../../../shared/training/exchange.ts";
import { MAX_PAYLOAD } from "../../../shared/training/frames.ts";
import { carrier, type Head, type Via } from "./carrier.ts";

export interface Transfer {
  readonly via: Via;
  readonly megabytes: number;
  /** MB/s from the server's side to the trainer's, from the first byte encoded to the last one copied out. */
  readonly there: number;
  readonly back: number;
}

const SHORTEST_MS = 1_000;
const FEWEST = 3;

/** Messages of each size, both ways. */
export async function transfers(megabytes: readonly number[]): Promise<Transfer[]> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: MAX_PAYLOAD });
  await once(server, "listening");
  const exchange = Exchange.open();
  const worker = new Worker(new URL("../../../shared/runtime/thread.mjs", import.meta.url), {
    workerData: {
      module: new URL("./transfer-thread.ts", import.meta.url).href,
      port: (server.address() as { port: number }).port,
      offer: exchange?.offer ?? null,
    },
    execArgv: [],
  });
  try {
    const failed = once(worker, "error").then(([error]) => Promise.reject(error));
    const [socket] = (await Promise.race([once(server, "connection"), failed])) as [WebSocket];
    const roundTrip = roundTrips(socket, exchange);
    const results: Transfer[] = [];
    for (const size of megabytes)
      for (const via of exchange ? (["socket", "memory"] as const) : (["socket"] as const))
        results.push(await rate(roundTrip, size, via));
    return results;
  } finally {
    await worker.terminate();
    server.close();
    exchange?.close();
  }
}

type RoundTrip = (data: Float32Array, via: Via) => Promise<{ there: number; back: number }>;

/** Milliseconds of each way. */
function roundTrips(socket: WebSocket, exchange: Exchange | undefined): RoundTrip {
  let heard: (head: Head, at: number) => void = () => undefined;
  const send = carrier(socket, exchange, "there", (head, _, at) => heard(head, at));
  return (data, via) =>
    new Promise((resolve) => {
      const sentAt = performance.timeOrigin + performance.now();
      heard = ({ gotAt }, at) => resolve({ there: gotAt - sentAt, back: at - gotAt });
      send(data, via, 0);
    });
}

async function rate(roundTrip: RoundTrip, megabytes: number, via: Via): Promise<Transfer> {
  const data = new Float32Array((megabytes * 1e6) / 4).fill(1);
  const spent = { there: 0, back: 0 };
  await roundTrip(data, via); // memory for so much is made only once
  let count = 0;
  for (; count < FEWEST || spent.there + spent.back < SHORTEST_MS; count++) {
    const { there, back } = await roundTrip(data, via);
    spent.there += there;
    spent.back += back;
  }
  const perSecond = (milliseconds: number) => (1000 * count * megabytes) / milliseconds;
  return { via, megabytes, there: perSecond(spent.there), back: perSecond(spent.back) };
}
