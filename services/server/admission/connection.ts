// One trainer's socket: puts its frames together, reads its messages, keeps it to its limits, tells it why it is
// dropped. Between a socket and peers.ts.
import type { WebSocket } from "ws";
import { AppError, errors } from "../../../shared/errors/errors.ts";
import { cpu } from "../../../shared/runtime/cpu.ts";
import { assembler, type Decoded, encode, MAX_PAYLOAD } from "../../../shared/training/frames.ts";
import { type FromServer, type FromTrainer, fromTrainer, read } from "../../../shared/training/messages.ts";
import { FAREWELL, fullAllowance, heard, MOST_BEFORE_HELLO, overdue, roomOf, SMALL_MESSAGE, spend } from "./limits.ts";
import { type Outflow, outflow } from "./outflow.ts";
import { keepRoom } from "./receiver.ts";

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
  /** When it last gave a sign of life, ms since 1970. */
  readonly heardAt: number;
  say(message: FromServer): void;
  /** Ends what is overdue; `ping` asks for a sign of life. */
  look(ping: boolean): void;
  end(finished: boolean): void;
}

/** A clock that nobody sets: no deadline passes early, or never, because somebody did. */
const now = () => performance.now();

export function attend(socket: WebSocket, on: Hooks): Connection {
  let state = { connectedAt: now(), greeted: false, heardAt: now(), awakeAt: now(), halfway: false };
  const seen = () => ({ ...state, owes: state.greeted && on.limit() > SMALL_MESSAGE });
  let allowance = fullAllowance(now());
  let isOver = false;
  let sentBeforeHello = 0;
  const take = assembler(() => (state.greeted ? on.limit() : SMALL_MESSAGE));
  const write = (frame: Uint8Array, taken: () => void) => {
    on.passed("sent", frame.byteLength);
    socket.send(frame, taken);
  };
  const out = outflow(write, (clogged) => !isOver && on.flow(clogged), now);

  const leave = (why: string) => {
    if (isOver) return;
    isOver = true;
    const farewell = setTimeout(() => socket.terminate(), FAREWELL);
    socket.once("close", () => clearTimeout(farewell));
    on.gone(why);
  };
  const reject = (why: string, code = 1008) => {
    out.push(encode({ type: "rejected", why } satisfies FromServer), () => socket.close(code));
    on.rejected();
    leave(why);
  };
  /** What a peer does wrong is its own end, never the server's. Everything that it does costs it of its allowance. */
  const react = (reaction: (at: number) => void) => {
    if (isOver) return;
    try {
      const at = now();
      const left = state.greeted || ++sentBeforeHello <= MOST_BEFORE_HELLO ? spend(allowance, at) : undefined;
      if (!left) throw new AppError("PEER_REJECTED", { what: "too many messages a second" });
      allowance = left;
      reaction(at);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      reject(error.message.replace(`. ${errors[error.code].hint}`, "").slice(0, 1000));
    }
  };

  const tooLong = (bytes: number, most: number) => {
    if (isOver) return;
    const code = most < MAX_PAYLOAD ? 1008 : 1009; // more than it may send now, or than a frame of ours ever is
    reject(`FRAME_MALFORMED: a payload of ${bytes} bytes, above the limit of ${most}`, code);
    socket.close(code); // before ws does, which would not let the reason out
  };
  keepRoom(socket, () => roomOf(seen()), tooLong);
  socket.on("message", (data: Buffer) => {
    on.passed("received", data.byteLength);
    const hear = (at: number) => {
      state = heard(seen(), at);
      const decoded = take(data);
      state.halfway = decoded === undefined;
      if (!decoded) return;
      on.hear(read(fromTrainer, decoded), decoded);
      state.greeted = true;
    };
    cpu.in("receive", () => react(hear));
  });
  socket.on("ping", () => react(() => {}));
  socket.on("pong", () =>
    react((at) => {
      if (!state.halfway) state = heard(seen(), at);
    }),
  );
  // a reset, or no websocket frame: ws closes it, with the code that says so
  socket.on("error", ({ message }) => leave(message));
  socket.on("close", () => {
    leave("the connection closed");
    out.end();
  });

  return {
    out,
    get heardAt() {
      return Date.now() - (now() - state.heardAt);
    },
    say: (message) => out.push(encode(message)),
    look: (ping) => {
      const { frames, movedAt } = out;
      const why = overdue({ ...seen(), frames, movedAt }, now());
      if (why === undefined) return ping ? socket.ping() : undefined;
      if (!state.greeted) return reject(why);
      leave(why); // it hears nothing now, and may come back
      socket.terminate();
    },
    end: (finished) => {
      if (finished) out.push(encode({ type: "done" } satisfies FromServer), () => socket.close(1001));
      else socket.close(1001);
    },
  };
}
