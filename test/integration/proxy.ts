// For tests: a TCP proxy on loopback, the network between a trainer and its server. While it runs it can be made slow,
// narrow, deaf, or be cut; and it can stop at the very bytes that a test waits for, so that a fault strikes at its
// moment and not some milliseconds beside it.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { pipeline, Transform } from "node:stream";
import { sleep } from "../../shared/runtime/lifecycle.ts";

/** "up": from the trainer to the server. */
export type Way = "up" | "down";

export interface Network {
  /** Where trainers connect. */
  readonly port: number;
  /** Connections that are open on either side. */
  readonly connections: number;
  /** From now on every byte takes so long, each way. */
  delay(ms: number): void;
  /** From now on so many bytes a second pass, each way of each connection. */
  throttle(bytesPerSecond: number): void;
  /** Resets every connection. New ones are welcome. */
  cut(): void;
  /**
   * Nothing passes any more, not even an end or a reset, and both sides believe that they are connected. What is on its
   * way stays there; new connections wait.
   */
  halfOpen(): void;
  /** Resolves when bytes that match would pass that way; from them on nothing passes there until `heal`. */
  holdAt(way: Way, pattern: RegExp): Promise<void>;
  /** A perfect network again: what was held goes on. */
  heal(): void;
  close(): Promise<void>;
}

interface Arrival {
  readonly bytes: Buffer;
  readonly at: number;
}

/** Chunks on their way: beyond them the sender is slowed down, as on a real line. */
const MOST_UNDERWAY = 64;
/** A pattern may lie across two chunks; longer matches are not looked for. */
const LONGEST_MATCH = 256;

export async function openProxy(target: number): Promise<Network> {
  const cuts = new Set<() => void>();
  const shut = { up: false, down: false };
  let [delayMs, bytesPerSecond] = [0, Number.POSITIVE_INFINITY];
  let trap: { readonly way: Way; readonly pattern: RegExp; sprung(): void } | undefined;
  /** Wakes whoever waits: the network has changed. */
  let changed = new AbortController();
  const change = () => {
    changed.abort();
    changed = new AbortController();
  };

  /**
   * Waits while the way is shut and until the moment, which may change meanwhile. Rejects when the connection is cut.
   */
  async function passage(way: Way, signal: AbortSignal, moment = () => 0): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const rest = shut[way] ? 60_000 : moment() - performance.now();
      if (rest <= 0) return;
      await sleep(rest, AbortSignal.any([signal, changed.signal]));
    }
  }

  /** Bytes of one direction of one connection, in order. */
  async function forward(way: Way, from: Socket, to: Socket, signal: AbortSignal): Promise<void> {
    const line = new Transform({ readableObjectMode: true, readableHighWaterMark: MOST_UNDERWAY, transform: stamp });
    pipeline(from, line, ignored); // its error is the line's
    let seen = "";
    for await (const { bytes, at } of line as AsyncIterable<Arrival>) {
      seen = seen.slice(-LONGEST_MATCH) + bytes.toString("latin1");
      if (trap?.way === way && trap.pattern.test(seen)) {
        shut[way] = true;
        trap.sprung();
        trap = undefined;
      }
      await passage(way, signal);
      const since = performance.now();
      await passage(way, signal, () => Math.max(since + (1000 * bytes.length) / bytesPerSecond, at + delayMs));
      if (to.destroyed) throw new Error("the other side is gone");
      if (!to.write(bytes)) await once(to, "drain", { signal });
    }
    await passage(way, signal);
    to.end();
  }

  async function serve(near: Socket): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const sockets = [near.on("error", ignored)];
    const cut = () => {
      controller.abort();
      for (const socket of sockets) socket.resetAndDestroy();
      cuts.delete(cut);
    };
    cuts.add(cut);
    try {
      await passage("up", signal);
      const far = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }).on("error", ignored);
      sockets.push(far);
      await once(far, "connect", { signal });
      await Promise.all([forward("up", near, far, signal), forward("down", far, near, signal)]);
      cuts.delete(cut); // both ends have closed it
    } catch {
      await passage("up", signal).catch(ignored);
      cut();
    }
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => void serve(near));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutAll = () => {
    for (const cut of cuts) cut();
  };
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return cuts.size;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    throttle: (rate) => {
      bytesPerSecond = rate;
    },
    cut: cutAll,
    halfOpen: () => {
      shut.up = true;
      shut.down = true;
    },
    holdAt: (way, pattern) =>
      new Promise((sprung) => {
        trap = { way, pattern, sprung };
      }),
    heal: () => {
      [delayMs, bytesPerSecond] = [0, Number.POSITIVE_INFINITY];
      shut.up = false;
      shut.down = false;
      change();
    },
    close: async () => {
      server.close();
      cutAll();
      await once(server, "close");
    },
  };
}

/** Whatever breaks a connection ends one of its lines, and is met there. */
const ignored = () => {};

function stamp(bytes: Buffer, _: BufferEncoding, done: (error: null, arrival: Arrival) => void): void {
  done(null, { bytes, at: performance.now() });
}
