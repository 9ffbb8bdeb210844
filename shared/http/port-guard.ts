// Guards a server's port: tells the book of strangers what sockets do, and ends those that the book lets go. Beside
// http.ts and the parameter server's admission.
import { readFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { openBook, type Rules, type Standing, siteOf } from "./strangers.ts";

export interface PortGuard {
  /** For what no request tells: a refused upgrade, a websocket. */
  moved(socket: Duplex, standing: Standing): void;
  /** It is no stranger from now on. */
  admit(socket: Duplex): void;
}

/** Places that are kept for files and for those who are known. */
const SHARE_OF_DESCRIPTORS = 1 / 4;
const LOOK_EVERY_MS = 500;
/** Ended at once where the process can open nothing more. */
const AT_A_TIME = 8;

/** `server` speaks HTTP, over TLS or in the clear. */
export function guardPort(server: Server, rules: Rules): PortGuard {
  const most = placesFor(rules.most);
  const book = openBook({ ...rules, most });
  const sockets = new Map<string, Socket>();
  const now = () => performance.now();
  const end = (ids: readonly string[]) => {
    for (const id of ids) sockets.get(id)?.destroy();
  };
  const move = (socket: Duplex, standing: Standing) => end(book.moved(idOf(socket), standing, now()));

  server.on("connection", (socket: Socket) => {
    const id = idOf(socket);
    sockets.set(id, socket);
    socket.once("close", () => {
      if (sockets.get(id) !== socket) return; // its port was taken over by another
      sockets.delete(id);
      book.left(id);
    });
    end(book.came(id, siteOf(socket.remoteAddress ?? ""), now()));
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket, headers } = request;
    const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
    move(socket, hasBody ? "sending" : "answering");
    if (hasBody) request.once("end", () => move(socket, "answering"));
    let isRefused = false;
    // Answered before all has come, and to be closed: what still comes is read and forgotten for a moment. Unread, it
    // would take the answer with it.
    response.prependOnceListener("finish", () => {
      if (request.complete) return;
      isRefused = true;
      socket.destroySoon = () => {
        move(socket, "refused");
        socket.end();
      };
    });
    response.once("close", () => !isRefused && move(socket, "idle"));
  });
  // No descriptor for the next one: those who have waited longest give theirs.
  server.on(
    "error",
    ({ code }: NodeJS.ErrnoException) => (code === "EMFILE" || code === "ENFILE") && end(book.makeRoom(AT_A_TIME)),
  );
  const looking = setInterval(() => end(book.overdue(now())), LOOK_EVERY_MS).unref();
  server.once("close", () => clearInterval(looking));

  return { moved: move, admit: (socket) => book.left(idOf(socket)) };
}

/**
 * The same for a socket and for the TLS that runs over it. Both ends: one port of a stranger's may hold a connection to
 * each address of this machine.
 */
function idOf(socket: Duplex): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket as Socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** So many connections of one kind, or fewer where this process may open few files. */
export const placesFor = (most: number): number => Math.min(most, Math.floor(mostDescriptors() * SHARE_OF_DESCRIPTORS));

/** How many files and sockets this process may have open. */
function mostDescriptors(): number {
  try {
    const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return Number(most ?? 1024);
  } catch {
    return 1024;
  }
}
