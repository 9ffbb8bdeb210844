// The other end of transfer.ts: answers each message with one of the same size, the way it came.
import { workerData } from "node:worker_threads";
import { WebSocket } from "ws";
import { Exchange, type Offer } from "../../../shared/training/exchange.ts";
import { MAX_PAYLOAD } from "../../../shared/training/frames.ts";
import { carrier } from "./carrier.ts";

const { port, offer } = workerData as { port: number; offer: Offer | null };
const socket = new WebSocket(`ws://127.0.0.1:${port}`, {
  perMessageDeflate: false,
  maxPayload: MAX_PAYLOAD,
  generateMask: (mask) => mask.fill(0), // as the trainer does
});
const send = carrier(socket, offer ? Exchange.join(offer) : undefined, "back", ({ via }, data, at) =>
  send(data, via, at),
);
