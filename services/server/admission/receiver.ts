// What ws may hold of one peer's message before it is whole. ws takes its limits once and for all; here they change
// when the peer is known. Beside connection.ts.
import type { WebSocket } from "ws";
import type { Room } from "./limits.ts";

interface Receiver {
  readonly _maxPayload: number;
  readonly _maxBufferedChunks: number;
  /** Of the message that begins. */
  readonly _totalPayloadLength: number;
}

/**
 * `room` is asked at each frame's header; `tooLong` hears of a message that is longer, before ws closes the connection
 * for it. Throws where ws is of another make.
 */
export function keepRoom(socket: WebSocket, room: () => Room, tooLong: (bytes: number, most: number) => void): void {
  const { _receiver: receiver } = socket as unknown as { readonly _receiver?: Receiver };
  const fields = ["_maxPayload", "_maxBufferedChunks", "_totalPayloadLength"] as const;
  if (!receiver || fields.some((field) => typeof receiver[field] !== "number"))
    throw new Error("ws keeps its limits elsewhere");
  Object.defineProperties(receiver, {
    _maxPayload: {
      get: () => {
        const { bytes } = room();
        if (receiver._totalPayloadLength > bytes) tooLong(receiver._totalPayloadLength, bytes);
        return bytes;
      },
    },
    _maxBufferedChunks: { get: () => room().pieces },
  });
}
