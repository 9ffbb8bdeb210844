// One end of a connection that carries tensors as server and trainer do: real frames, or a file in memory and a message
// that names it. For transfer.ts.
import type { WebSocket } from "ws";
import { FrameBuffers, reused } from "../../../shared/training/buffers.ts";
import { type Exchange, withTensors } from "../../../shared/training/exchange.ts";
import { assembler, encode } from "../../../shared/training/frames.ts";
import type { Elsewhere } from "../../../shared/training/messages.ts";
import { describeTensor } from "../../../shared/training/tensors.ts";

export type Via = "socket" | "memory";

export interface Head {
  readonly via: Via;
  /** When the message before was copied out of its frames, ms since 1970. */
  readonly gotAt: number;
}

const LIMIT = 8 * 2 ** 30;
const clock = () => performance.timeOrigin + performance.now();

/**
 * `file` is what this end writes. `heard` is told of a message when its tensor lies in memory of its own. Returns what
 * sends one.
 */
export function carrier(
  socket: WebSocket,
  exchange: Exchange | undefined,
  file: string,
  heard: (head: Head, data: Float32Array, at: number) => void,
): (data: Float32Array, via: Via, gotAt: number) => void {
  const take = assembler(() => LIMIT);
  const memory = reused();
  const buffers = new FrameBuffers();
  socket.on("message", (frame: Buffer) => {
    const decoded = take(frame);
    if (!decoded) return;
    const head = decoded.head as unknown as Head & { elsewhere?: Elsewhere };
    const [tensor] = withTensors(decoded, head.elsewhere, exchange, LIMIT).tensors(memory).values();
    heard(head, tensor!.data as Float32Array, clock());
  });
  return (data, via, gotAt) => {
    const tensors = [{ name: "weights", shape: [data.length], data }];
    const head: Head = { via, gotAt };
    if (via === "memory" && exchange?.write(file, tensors)) {
      socket.send(encode({ ...head, elsewhere: { file, tensors: tensors.map(describeTensor) } })[0]!);
      return;
    }
    for (const frame of encode(head, tensors, buffers.take)) socket.send(frame, () => buffers.giveBack(frame));
  };
}
