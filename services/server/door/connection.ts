// One trainer's socket: puts its frames together, reads its messages, keeps it to its limits, tells it why it is dropped. Between door.ts and peers.ts.
import type { WebSocket } from "ws";
import { cpu } from "../../../shared/runtime/cpu.ts";
import { AppError, errors } from "../../../shared/runtime/errors.ts";
import { assembler, type Decoded, encode } from "../../../shared/wire/frames.ts";
import { type FromServer, type FromTrainer, fromTrainer, read } from "../../../shared/wire/messages.ts";
import { fullAllowance, overdue, SMALL_MESSAGE, spend } from "./limits.ts";
import { type Outflow, outflow } from "./outflow.ts";

interface Hooks {
  /** Largest message now, bytes; asked once the first one was heard. */
  limit(): number;
  /** A throw drops the peer, which is told why. The first message makes it known, and must be hello. */
  hear(message: FromTrainer, decoded: Decoded): void;
  flow(clogged: boolean): void;
  /** It is told why it is dropped; `gone` follows. */
  rejected(): void;
  /** Once, however it ends. Nothing is heard afterwards. */
  gone(why: string): void;
  /** Bytes, as they pass. */
  passed(direction: "sent" | "received", bytes: number): void;
}

export interface Connection {
  readonly out: Outflow;
  /** When it last gave a sign of life. */
  readonly heardAt: number;
  say(message: FromServer): void;
  /** Ends what is overdue; `ping` asks for a sign of life. */
  look(now: number, ping: boolean): void;
  end(finished: boolean): void;
}

/** For a dropped peer to read why. */
const FAREWELL_MS = 1_000;

export function attend(socket: WebSocket, on: Hooks): Connection {
  const seen = { connectedAt: Date.now(), greeted: false, heardAt: Date.now(), halfway: false };
  let allowance = fullAllowance(Date.now());
  let isOver = false;
  const take = assembler(() => (seen.greeted ? on.limit() : SMALL_MESSAGE));
  const write = (frame: Uint8Array, taken: () => void) => {
    on.passed("sent", frame.byteLength);
    socket.send(frame, taken);
  };
  const out = outflow(write, (clogged) => !isOver && on.flow(clogged), Date.now);

  const leave = (why: string) => {
    if (isOver) return;
    isOver = true;
    const farewell = setTimeout(() => socket.terminate(), FAREWELL_MS);
    socket.once("close", () => clearTimeout(farewell));
    on.gone(why);
  };
  const reject = (why: string) => {
    out.push(encode({ type: "rejected", why } satisfies FromServer), () => socket.close(1008));
    on.rejected();
    leave(why);
  };
  /** What a peer does wrong is its own end, never the server's. Everything that it does costs it of its allowance. */
  const react = (reaction: (now: number) => void) => {
    if (isOver) return;
    try {
      const now = Date.now();
      const left = spend(allowance, now);
      if (!left) throw new AppError("PEER_REJECTED", { what: "too many messages a second" });
      allowance = left;
      reaction(now);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      reject(error.message.replace(`. ${errors[error.code].hint}`, "").slice(0, 1000));
    }
  };

  socket.on("message", (data: Buffer) => {
    on.passed("received", data.byteLength);
    const hear = (now: number) => {
      seen.heardAt = now;
      const decoded = take(data);
      seen.halfway = decoded === undefined;
      if (!decoded) return;
      on.hear(read(fromTrainer, decoded), decoded);
      seen.greeted = true;
    };
    cpu.in("receive", () => react(hear));
  });
  socket.on("ping", () => react(() => {}));
  socket.on("pong", () =>
    react((now) => {
      if (!seen.halfway) seen.heardAt = now;
    }),
  );
  socket.on("error", ({ message }) => leave(message)); // a reset, or no websocket frame: ws closes it, with the code that says so
  socket.on("close", () => {
    leave("the connection closed");
    out.end();
  });

  return {
    out,
    get heardAt() {
      return seen.heardAt;
    },
    say: (message) => out.push(encode(message)),
    look: (now, ping) => {
      const { frames, movedAt } = out;
      const why = overdue({ ...seen, frames, movedAt }, now);
      if (why === undefined) return ping ? socket.ping() : undefined;
      if (!seen.greeted) return reject(why);
      leave(why); // it hears nothing now, and may come back
      socket.terminate();
    },
    end: (finished) => {
      if (finished) out.push(encode({ type: "done" } satisfies FromServer), () => socket.close(1001));
      else socket.close(1001);
    },
  };
}
