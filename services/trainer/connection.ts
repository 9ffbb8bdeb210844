// The trainer's side of the socket: connect, ask, answer; when the server goes away, come back with growing, jittered
// pauses. Between main.ts and compute.ts.
import { WebSocket } from "ws";
import type { Engine } from "../../shared/compute/engine.ts";
import { AppError } from "../../shared/errors/errors.ts";
import type { TrainerStatus } from "../../shared/health/status/trainer.ts";
import { cpu } from "../../shared/runtime/cpu.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { FrameBuffers, halvesReused, reused } from "../../shared/training/buffers.ts";
import { Exchange, withTensors } from "../../shared/training/exchange.ts";
import { assembler, encode, MAX_PAYLOAD } from "../../shared/training/frames.ts";
import { type FromTrainer, fromServer, type Hello, type Lease, read } from "../../shared/training/messages.ts";
import { asSent, type Wire } from "../../shared/training/numbers.ts";
import { describeTensor, type WireTensor } from "../../shared/training/tensors.ts";
import { type Access, certificateProblem } from "./access.ts";
import { leaseChecked, type Models, rowsChecked, weightsChecked } from "./checks.ts";
import { type Answer, Computer } from "./compute.ts";
import { timesheet } from "./timesheet.ts";

export type TrainerState = TrainerStatus["state"];

interface Wanted {
  readonly server: string;
  readonly access: Access;
  readonly hello: Omit<Hello, "type">;
  readonly engine: Engine;
  readonly log: Log;
  changed(state: TrainerState): void;
  computed(lease: Lease): void;
}

/** The server pings every 5 s. */
const SILENT_MS = 30_000;
/** From the first byte to the server's welcome. */
const WELCOME_MS = 10_000;
const FIRST_CONNECT_MS = 30_000;
/** Short, since a refused connection costs next to nothing and a server that is back waits for trainers. */
const LONGEST_PAUSE_MS = 1_000;
const MESSAGE_LIMIT = 8 * 2 ** 30;

/**
 * Works until the server says that it is done, or the process is asked to drain. Throws SERVER_UNREACHABLE when no
 * connection ever came about in half a minute (all services may start at once), PEER_REJECTED when the server does not
 * want this trainer, CERTIFICATE_REFUSED when it is not the server that was meant, FRAME_MALFORMED when it speaks
 * another language.
 */
export async function work(wanted: Wanted, until: Until, jitter: () => number = Math.random): Promise<void> {
  const startedAt = performance.now();
  let everConnected = false;
  for (let failures = 0; !until.signal.aborted; ) {
    wanted.changed("connecting");
    const outcome = await session(wanted, until);
    if (outcome.type === "done" || until.signal.aborted) return;
    if (outcome.type === "rejected")
      throw new AppError("PEER_REJECTED", { what: printable(outcome.why, 1000), server: wanted.server });
    if (outcome.welcomed) {
      everConnected = true;
      failures = 0;
      wanted.log.info({ server: wanted.server }, "the server went away; trying to come back");
    }
    if (!everConnected && performance.now() - startedAt > FIRST_CONNECT_MS)
      throw new AppError("SERVER_UNREACHABLE", { what: outcome.why || "no answer", server: wanted.server });
    const pause = Math.min(LONGEST_PAUSE_MS, 200 * 2 ** failures++) * (0.5 + jitter());
    await sleep(pause, until.signal);
  }
}

type Outcome = { type: "done" } | { type: "rejected"; why: string } | { type: "lost"; welcomed: boolean; why: string };

/** One connection, from open to closed. Rejects only when computing itself fails. */
function session({ server, access, hello, engine, log, changed, computed }: Wanted, until: Until): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // A mask of zeros is one that ws skips: no pass over every byte, and the protocol is kept.
    const socket = new WebSocket(server, {
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD,
      handshakeTimeout: 5_000,
      ...access,
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
    const unwelcome = setTimeout(() => {
      why = "no welcome came";
      socket.terminate();
    }, WELCOME_MS);
    /** A message has begun: only its next frame is a sign of life then. */
    let halfway = false;
    const { book, handIn } = timesheet(() => performance.now());
    const frames = new FrameBuffers();
    const say = (message: FromTrainer, tensors: WireTensor[] = []) => {
      for (const frame of encode(message, tensors, frames.take)) socket.send(frame, () => frames.giveBack(frame));
    };
    const halves = halvesReused();
    // Of each kind one message is needed at a time: the newest weights of a group, the lease at hand.
    const memory = { hidden: reused(), decoder: reused(), old: reused(), lease: reused() };
    // What is being computed is computed to its end: the answer is sent before the socket closes.
    const drain = () => {
      draining = true;
      changed("draining");
      socket.close(1000);
    };
    until.signal.addEventListener("abort", drain, { once: true });
    let exchange: Exchange | undefined;
    const models: Models = {};
    let wire: Wire = "f32";
    let id = "";
    let answers = 0;
    /**
     * Through the exchange where there is one with room. Two files serve in turn: the server sends a lease only when it
     * has the answer to the last but one.
     */
    const answer = ({ head, tensors }: Answer) => {
      const message = { ...head, times: handIn() };
      const sent = tensors.map((tensor) => asSent(tensor, wire, engine.kernels, halves));
      const file = `${id}-${answers++ % 2}`;
      if (exchange?.write(file, sent)) say({ ...message, elsewhere: { file, tensors: sent.map(describeTensor) } });
      else say(message, sent);
    };
    const take = assembler(() => MESSAGE_LIMIT);

    const hear = (data: Buffer) => {
      const decoded = take(data);
      halfway = decoded === undefined;
      if (!decoded) return;
      const message = read(fromServer, decoded);
      switch (message.type) {
        case "welcome":
          if (computer) throw new AppError("FRAME_MALFORMED", { what: "a second welcome" });
          clearTimeout(unwelcome);
          computer = new Computer(engine, message.seed, { warn: (what) => log.warn({ server }, what) });
          id = message.trainer;
          wire = message.wire;
          exchange = message.exchange ? Exchange.join(message.exchange) : undefined;
          if (exchange) say({ type: "shares" });
          log.info({ server, trainer: message.trainer }, "connected");
          changed("waiting");
          return say({ type: "ask" });
        case "weights": {
          if (!computer) throw new AppError("FRAME_MALFORMED", { what: "weights before a welcome" });
          const arrived = withTensors(decoded, message.elsewhere, exchange, MESSAGE_LIMIT);
          weightsChecked(message, arrived.described, wire);
          computer.take(message, arrived.tensors(memory[message.group]));
          models[message.group] = message.model;
          if (message.elsewhere) say({ type: "took", group: message.group, version: message.version });
          return book("pull");
        }
        case "lease": {
          if (!computer || draining) return;
          const answering = computer;
          changed("computing");
          say({ type: "ask" }); // the next one's inputs are here when this one is done
          const arrived = withTensors(decoded, message.elsewhere, exchange, MESSAGE_LIMIT);
          leaseChecked(message, arrived.described, models, wire);
          const tensors = arrived.tensors(memory.lease);
          rowsChecked(tensors, models.hidden!);
          book("pull");
          const made = cpu.in("compute", () => answering.answer(message, tensors, () => book("data")));
          book("compute");
          cpu.in("send", () => answer(made));
          book("push");
          computed(message);
          return changed("waiting");
        }
        case "late":
        case "duplicate":
          return log.debug(message, "an answer did not count");
        case "rejected":
          ending = { type: "rejected", why: message.why };
          return;
        case "done":
          ending = { type: "done" };
      }
    };
    socket.on("open", () => say({ type: "hello", ...hello }));
    socket.on("ping", () => halfway || heard());
    socket.on("message", (data: Buffer) => {
      book("wait");
      try {
        cpu.in("receive", () => hear(data));
        heard(); // not before: computing takes its time
      } catch (error) {
        reject(error);
        socket.terminate();
      }
    });
    socket.on("unexpected-response", (_, { statusCode }) => {
      if (statusCode === 401) ending = { type: "rejected", why: "the token is wrong or missing" };
      if (statusCode === 403) ending = { type: "rejected", why: "the token is not a trainer's" };
      why = `HTTP ${statusCode}`; // 503 and the like: it may be there later
      socket.terminate();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      why ||= error.code ?? error.message;
      const problem = certificateProblem(error.code);
      if (problem) reject(new AppError("CERTIFICATE_REFUSED", { what: problem, server }, { cause: error }));
      // Bytes that are no websocket's.
      if (error.code?.startsWith("WS_ERR_"))
        reject(new AppError("FRAME_MALFORMED", { what: error.message, server }, { cause: error }));
    });
    socket.on("close", () => {
      clearTimeout(alarm);
      clearTimeout(unwelcome);
      until.signal.removeEventListener("abort", drain);
      const welcomed = computer !== undefined;
      computer?.dispose();
      exchange?.close();
      computer = undefined;
      resolve(ending ?? { type: "lost", welcomed, why });
    });
  });
}
