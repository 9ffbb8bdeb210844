// The sockets of the parameter server: who is there, what they say, what they are sent, who is dropped and why. Knows nothing of steps; desk.ts does.
import { createHash, timingSafeEqual } from "node:crypto";
import { type WebSocket, WebSocketServer } from "ws";
import { cpu } from "../../shared/runtime/cpu.ts";
import { AppError, errors } from "../../shared/runtime/errors.ts";
import { type Exchange, withTensors } from "../../shared/runtime/exchange.ts";
import { assembler, type Decoded, encode, MAX_PAYLOAD } from "../../shared/wire/frames.ts";
import { type FromServer, type FromTrainer, fromTrainer, type Hello, read } from "../../shared/wire/messages.ts";

export interface Peer {
  readonly id: string;
  readonly name: string;
  readonly engine: string;
  readonly threads: number;
  /** Tensors may go through the exchange. */
  shares: boolean;
  lastSeenAt: number;
}

export interface PeerHandlers {
  joined(peer: Peer): void;
  /** A throw drops the peer, which is told why. */
  said(peer: Peer, message: Exclude<FromTrainer, Hello | { type: "shares" }>, decoded: Decoded): void;
  left(peer: Peer, why: string): void;
}

export interface Peers {
  /** ws://host:port, the port as it came out. */
  readonly url: string;
  /** Over the sockets, and through the exchange's files. */
  readonly bytes: { sent: number; received: number; readonly memory: Exchange["bytes"] };
  list(): readonly Peer[];
  /** `sent`: the socket has taken the frames, or never will. Their memory must stay as it is until then. */
  send(id: string, frames: readonly Uint8Array[], sent?: () => void): void;
  /** `finished`: trainers are told that there is nothing left to do, and end; otherwise they try to come back. */
  close(finished: boolean): Promise<void>;
}

interface Listen {
  readonly host: string;
  readonly port: number;
  readonly token?: string | undefined;
  /** Offered to every trainer; those on this machine take it. */
  readonly exchange?: Exchange | undefined;
  /** Largest message that a trainer may send, bytes. */
  limit(): number;
}

const PING_EVERY_MS = 5_000;
/** A trainer's process answers no ping while it computes, so this is far above a part's time. */
const SILENT_MS = 30_000;
const HELLO_WITHIN_MS = 10_000;
const HELLO_LIMIT = 64 * 1024;

/** Throws EADDRINUSE. */
export async function listenForPeers({ host, port, token, exchange, limit }: Listen, on: PeerHandlers, seed: number): Promise<Peers> {
  const server = new WebSocketServer({ host, port, perMessageDeflate: false, maxPayload: MAX_PAYLOAD });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  const bytes = { sent: 0, received: 0, memory: exchange?.bytes ?? { sent: 0, received: 0 } };
  const connected = new Map<string, { peer: Peer; socket: WebSocket }>();
  const sockets = new Set<{ socket: WebSocket; heardAt: number }>();
  let serial = 0;

  const transmit = (socket: WebSocket, frames: readonly Uint8Array[], sent = () => {}) => {
    frames.forEach((frame, k) => {
      bytes.sent += frame.byteLength;
      socket.send(frame, k === frames.length - 1 ? sent : undefined); // they leave in order
    });
  };
  const say = (socket: WebSocket, message: FromServer) => transmit(socket, encode(message));

  server.on("connection", (socket) => {
    let peer: Peer | undefined;
    const entry = { socket, heardAt: Date.now() };
    sockets.add(entry);
    const take = assembler(() => (peer ? limit() : HELLO_LIMIT));
    const tooLate = setTimeout(() => reject("no hello came"), HELLO_WITHIN_MS);
    const reject = (why: string) => {
      say(socket, { type: "rejected", why });
      socket.close(1008);
      gone(why);
    };
    const gone = (why: string) => {
      clearTimeout(tooLate);
      sockets.delete(entry);
      if (!peer || !connected.delete(peer.id)) return;
      exchange?.remove(`${peer.id}-`);
      on.left(peer, why);
    };
    const greet = (message: FromTrainer) => {
      if (message.type !== "hello") throw new AppError("FRAME_MALFORMED", { what: `"${message.type}" before hello` });
      if (token !== undefined && !sameText(message.token ?? "", token))
        throw new AppError("PEER_REJECTED", { what: "the token is wrong or missing" });
      clearTimeout(tooLate);
      const id = `t${++serial}`;
      peer = { id, name: message.name, engine: message.engine, threads: message.threads, shares: false, lastSeenAt: Date.now() };
      connected.set(id, { peer, socket });
      say(socket, { type: "welcome", trainer: id, seed, exchange: exchange?.offer ?? null });
      on.joined(peer);
    };
    const hear = (data: Buffer) => {
      entry.heardAt = Date.now();
      bytes.received += data.byteLength;
      if (!sockets.has(entry)) return; // rejected, the socket is closing
      try {
        const decoded = take(data);
        if (!decoded) return;
        const message = read(fromTrainer, decoded);
        if (!peer) return greet(message);
        peer.lastSeenAt = entry.heardAt;
        if (message.type === "hello") throw new AppError("FRAME_MALFORMED", { what: "a second hello" });
        if (message.type === "shares") {
          peer.shares = exchange !== undefined;
          return;
        }
        const elsewhere = message.type === "contribution" ? message.elsewhere : undefined;
        if (elsewhere && !elsewhere.file.startsWith(`${peer.id}-`)) throw new AppError("FRAME_MALFORMED", { what: "another peer's file" });
        on.said(peer, message, withTensors(decoded, elsewhere, peer.shares ? exchange : undefined, limit()));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        reject(error.message.replace(`. ${errors[error.code].hint}`, "").slice(0, 1000));
      }
    };
    socket.on("message", (data: Buffer) => cpu.in("receive", () => hear(data)));
    socket.on("pong", () => {
      entry.heardAt = Date.now();
      if (peer) peer.lastSeenAt = entry.heardAt;
    });
    socket.on("error", () => socket.terminate()); // a frame above maxPayload, a reset: `close` follows
    socket.on("close", () => gone("the connection closed"));
  });

  const heartbeat = setInterval(() => {
    const now = Date.now();
    for (const { socket, heardAt } of sockets) {
      if (now - heardAt > SILENT_MS) socket.terminate();
      else socket.ping();
    }
  }, PING_EVERY_MS);

  return {
    url: `ws://${host.includes(":") ? `[${host}]` : host}:${(server.address() as { port: number }).port}`,
    bytes,
    list: () => [...connected.values()].map(({ peer }) => peer),
    send: (id, frames, sent) => {
      const socket = connected.get(id)?.socket;
      if (socket) transmit(socket, frames, sent);
      else sent?.();
    },
    close: async (finished) => {
      clearInterval(heartbeat);
      for (const { socket } of sockets) {
        if (finished) say(socket, { type: "done" });
        socket.close(1001);
      }
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const impatient = setTimeout(() => {
        for (const { socket } of sockets) socket.terminate();
      }, 1_000);
      await closed;
      clearTimeout(impatient);
    },
  };
}

/** In a time that tells nothing about the token. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
