// The way out to one peer: frames wait here, few of them in its socket, so that what waits is known to the frame, and
// so is whether the peer takes any. Between connection.ts and a socket.

type Millis = number;

export interface Outflow {
  /** Bytes and frames that the peer has not taken. */
  readonly waiting: number;
  readonly frames: number;
  /** When it last took a frame, or frames began to wait. */
  readonly movedAt: Millis;
  /**
   * `sent` is called once: the socket has taken these frames, or never will. Their memory must stay as it is until
   * then.
   */
  push(frames: readonly Uint8Array[], sent?: () => void): void;
  /** The socket is closed. */
  end(): void;
}

/** Two: the next is at hand when the socket has taken one. */
const IN_SOCKET = 2;
/** Two frames of full length. */
export const CLOGGED_BYTES = 16 * 2 ** 20;

/**
 * `write` hands one frame to the socket and is told when it was taken. `flow` is told when more than CLOGGED_BYTES
 * wait, and when no longer.
 */
export function outflow(
  write: (frame: Uint8Array, taken: () => void) => void,
  flow: (clogged: boolean) => void,
  now: () => Millis,
): Outflow {
  const queue: { frame: Uint8Array; sent: (() => void) | undefined; written: boolean }[] = [];
  let waiting = 0;
  let movedAt = now();
  let clogged = false;

  const notice = () => {
    if (clogged === waiting > CLOGGED_BYTES) return;
    clogged = !clogged;
    flow(clogged);
  };
  const shift = () => {
    const { frame, sent } = queue.shift()!;
    waiting -= frame.byteLength;
    sent?.();
  };
  const taken = () => {
    if (queue.length === 0) return; // ended meanwhile
    movedAt = now();
    shift(); // a socket takes frames in order
    fill();
    notice();
  };
  const fill = () => {
    for (const entry of queue.slice(0, IN_SOCKET)) {
      if (entry.written) continue;
      entry.written = true;
      write(entry.frame, taken);
    }
  };

  return {
    get waiting() {
      return waiting;
    },
    get frames() {
      return queue.length;
    },
    get movedAt() {
      return movedAt;
    },
    push: (frames, sent) => {
      if (queue.length === 0) movedAt = now();
      frames.forEach((frame, k) => {
        waiting += frame.byteLength;
        queue.push({ frame, sent: k === frames.length - 1 ? sent : undefined, written: false });
      });
      fill();
      notice();
    },
    end: () => {
      while (queue.length > 0) shift();
    },
  };
}
