// The trainer's side of the socket: connect, ask, answer; when the server goes away, come back with growing, jittered pauses. Between main.ts and compute.ts.
import { WebSocket } from "ws";
import type { Engine } from "../../shared/engine/engine.ts";
import { cpu } from "../../shared/runtime/cpu.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { Exchange, withTensors } from "../../shared/runtime/exchange.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { FrameBuffers, reused } from "../../shared/wire/buffers.ts";
import { assembler, encode, MAX_PAYLOAD } from "../../shared/wire/frames.ts";
import { type FromTrainer, fromServer, type Hello, type Lease, read } from "../../shared/wire/messages.ts";
import { describeTensor, type WireTensor } from "../../shared/wire/tensors.ts";
import { type Answer, Computer } from "./compute.ts";

export type TrainerState = "connecting" | "waiting" | "computing" | "draining";

interface Wanted {
  readonly server: string;
  readonly hello: Omit<Hello, "type">;
  readonly engine: Engine;
  readonly log: Log;
  changed(state: TrainerState): void;
  computed(lease: Lease): void;
}

/** The server pings every 5 s. */
const SILENT_MS = 30_000;
const FIRST_CONNECT_MS = 30_000;
const LONGEST_PAUSE_MS = 5_000;
const MESSAGE_LIMIT = 8 * 2 ** 30;

/**
 * Works until the server says that it is done, or the process is asked to drain. Throws SERVER_UNREACHABLE when no connection ever came about in half a
 * minute (all services may start at once), PEER_REJECTED when the server does not want this trainer.
 */
export async function work(wanted: Wanted, until: Until, jitter: () => number = Math.random): Promise<void> {
  const startedAt = Date.now();
  let everConnected = false;
  for (let failures = 0; !until.signal.aborted; ) {
    wanted.changed("connecting");
    const outcome = await session(wanted, until);
    if (outcome.type === "done" || until.signal.aborted) return;
    if (outcome.type === "rejected") throw new AppError("PEER_REJECTED", { what: outcome.why, server: wanted.server });
    if (outcome.welcomed) {
      everConnected = true;
      failures = 0;
      wanted.log.info({ server: wanted.server }, "the server went away; trying to come back");
    }
    if (!everConnected && Date.now() - startedAt > FIRST_CONNECT_MS)
      throw new AppError("SERVER_UNREACHABLE", { what: outcome.why || "no answer", server: wanted.server });
    const pause = Math.min(LONGEST_PAUSE_MS, 200 * 2 ** failures++) * (0.5 + jitter());
    await sleep(pause, until.signal);
  }
}

type Outcome = { type: "done" } | { type: "rejected"; why: string } | { type: "lost"; welcomed: boolean; why: string };

/** One connection, from open to closed. Rejects only when computing itself fails. */
function session({ server, hello, engine, log, changed, computed }: Wanted, until: Until): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // A mask of zeros is one that ws skips: no pass over every byte, and the protocol is kept.
    const socket = new WebSocket(server, {
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD,
      handshakeTimeout: 5_000,
      generateMask: (mask) => mask.fill(0),
    });
    let computer: Computer | undefined;
    let why = "";
    let ending: Outcome | undefined;
    let draining = false;
    const silent = () => socket.terminate();
    let alarm = setTimeout(silent, SILENT_MS);
    const heard = () => {
      clearTimeout(alarm);
      alarm = setTimeout(silent, SILENT_MS);
    };
    const frames = new FrameBuffers();
    const say = (message: FromTrainer, tensors: WireTensor[] = []) => {
      for (const frame of encode(message, tensors, frames.take)) socket.send(frame, () => frames.giveBack(frame));
    };
    // Of each kind one message is needed at a time: the newest weights of a group, the lease at hand.
    const memory = { hidden: reused(), decoder: reused(), lease: reused() };
    // What is being computed is computed to its end: the answer is sent before the socket closes.
    const drain = () => {
      draining = true;
      changed("draining");
      socket.close(1000);
    };
    until.signal.addEventListener("abort", drain, { once: true });
    let exchange: Exchange | undefined;
    let id = "";
    /** Through the exchange where there is one with room. */
    const answer = ({ head, tensors }: Answer) => {
      const file = `${id}-${head.part}`;
      if (exchange?.write(file, tensors)) say({ ...head, elsewhere: { file, tensors: tensors.map(describeTensor) } });
      else say(head, tensors);
    };
    const take = assembler(() => MESSAGE_LIMIT);

    const hear = (data: Buffer) => {
      const decoded = take(data);
      if (!decoded) return;
      const message = read(fromServer, decoded);
      switch (message.type) {
        case "welcome":
          computer = new Computer(engine, message.seed);
          id = message.trainer;
          exchange = message.exchange ? Exchange.join(message.exchange) : undefined;
          if (exchange) say({ type: "shares" });
          log.info({ server, trainer: message.trainer }, "connected");
          changed("waiting");
          return say({ type: "ask" });
        case "weights":
          computer?.take(message, withTensors(decoded, message.elsewhere, exchange, MESSAGE_LIMIT).tensors(memory[message.group]));
          if (message.elsewhere) say({ type: "took", group: message.group, version: message.version });
          return;
        case "lease": {
          if (!computer || draining) return;
          const answering = computer;
          changed("computing");
          const inputs = withTensors(decoded, message.elsewhere, exchange, MESSAGE_LIMIT).tensors(memory.lease);
          const result = cpu.in("compute", () => answering.answer(message, inputs));
          cpu.in("send", () => answer(result));
          computed(message);
          changed("waiting");
          return say({ type: "ask" });
        }
        case "late":
          return log.debug(message, "an answer came late");
        case "rejected":
          ending = { type: "rejected", why: message.why };
          return;
        case "done":
          ending = { type: "done" };
      }
    };
    socket.on("open", () => say({ type: "hello", ...hello }));
    socket.on("ping", heard);
    socket.on("message", (data: Buffer) => {
      heard();
      try {
        cpu.in("receive", () => hear(data));
      } catch (error) {
        reject(error);
        socket.terminate();
      }
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      why = error.code ?? error.message;
    });
    socket.on("close", () => {
      clearTimeout(alarm);
      until.signal.removeEventListener("abort", drain);
      const welcomed = computer !== undefined;
      computer?.dispose();
      exchange?.close();
      computer = undefined;
      resolve(ending ?? { type: "lost", welcomed, why });
    });
  });
}
