// The connections to Kafka: where each goes, plain or by TLS, what became of it, and an end to all of them at once.
import { isIP, Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { AppError } from "../errors/errors.ts";
import type { Log } from "../runtime/log.ts";
import { type Address, addressesIn, written } from "./addresses.ts";
import { reachability } from "./reachability.ts";
import { reasonOf, tlsRefusal } from "./refusals.ts";
import type { KafkaSettings } from "./settings.ts";

export interface Sockets {
  /** The names by which the first brokers are given to the client, which cannot read IPv6. */
  readonly seeds: readonly string[];
  /** Opens one, in the form that kafkajs asks for. */
  open(to: { readonly host: string; readonly port: number; readonly onConnect: () => void }): Socket;
  /** What keeps connections from being made, each broker with its reason. */
  readonly troubles: readonly string[];
  readonly closed: boolean;
  /** Ends all of them, whatever they wait for; there will be no others. */
  close(): void;
}

interface Options {
  readonly settings: KafkaSettings;
  readonly log: Log;
  /** For the one local broker, which may come back at another port: where it is now. */
  readonly find?: (() => Promise<string>) | undefined;
  /** Told when a broker and we do not trust each other: to try again cannot help. */
  refused(error: AppError): void;
}

/** As kafkajs has it. */
const KEEP_ALIVE_MS = 60_000;
const MOST_CUT_SHORT = 3;
/** A broker answers its first request by then, or something else listens there. */
const SILENCE_MS = 10_000;

export function openSockets({ settings, log, find, refused }: Options): Sockets {
  const { tls, connectMs } = settings;
  const open = new Set<Socket>();
  const reach = reachability();
  const aliases = new Map(settings.brokers.map((each) => [aliasOf(each), each.host]));
  let local = settings.brokers[0]!;
  let closed = false;
  /** Connections that ended while TLS was agreed on, before one ever stood. */
  let cutShort = 0;

  function watch(socket: Socket, address: () => Address): void {
    let state: "connecting" | "connected" | "over" = "connecting";
    const failed = (reason: string) => {
      const tell = reach.failed(address(), reason, performance.now());
      if (tell !== undefined) log.warn(tell);
    };
    const tooLong = setTimeout(
      () => socket.destroy(new Error(`it does not answer within ${connectMs / 1000} s`)),
      connectMs,
    );
    let silent: NodeJS.Timeout | undefined;
    socket.once(tls ? "secureConnect" : "connect", () => {
      state = "connected";
      cutShort = Number.NEGATIVE_INFINITY;
      clearTimeout(tooLong);
      silent = setTimeout(() => {
        if (socket.bytesWritten > 0 && socket.bytesRead === 0)
          failed(`it takes connections and has not answered for ${SILENCE_MS / 1000} s`);
      }, SILENCE_MS);
    });
    socket.once("data", (bytes: Buffer) => {
      clearTimeout(silent);
      if (!tls && isTlsAlert(bytes)) return refused(speaksTls(address()));
      const tell = reach.reached(address());
      if (tell !== undefined) log.info(tell);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const isCut =
        tls !== null && state === "connecting" && error.code === "ECONNRESET" && ++cutShort === MOST_CUT_SHORT;
      const refusal = isCut ? noTls(address()) : tls ? tlsRefusal(error, address()) : undefined;
      if (refusal) refused(refusal);
      if (state === "connecting") failed(reasonOf(error));
      state = "over";
    });
    socket.once("close", () => {
      clearTimeout(tooLong);
      clearTimeout(silent);
      open.delete(socket);
    });
  }

  /**
   * Each connection goes to where the broker is by then, whatever kafkajs remembers: at its old port somebody else may
   * listen. While it is away, its last address is the best guess.
   */
  function following(find: () => Promise<string>, onConnect: () => void): Socket {
    const socket = new Socket();
    const go = () => {
      if (socket.writableEnded || socket.destroyed) return; // it took too long
      socket.connect(local.port, local.host, onConnect);
    };
    void find().then((found) => {
      [local] = addressesIn(found, "the local broker", "PLAINTEXT") as [Address];
      go();
    }, go);
    return socket;
  }

  return {
    seeds: settings.brokers.map((each) => `${aliasOf(each)}:${each.port}`),
    open: ({ host: name, port, onConnect }) => {
      if (closed) throw new Error("closed");
      const host = aliases.get(name) ?? name;
      const socket = find
        ? following(find, onConnect)
        : tls
          ? connectTls({ ...tls.options, ...nameFor(host, tls.checksName), host, port }, onConnect)
          : new Socket().connect(port, host, onConnect);
      open.add(socket);
      watch(socket, () => (find ? local : { host, port }));
      return socket.setKeepAlive(true, KEEP_ALIVE_MS);
    },
    get troubles() {
      return reach.troubles;
    },
    get closed() {
      return closed;
    },
    close: () => {
      closed = true;
      for (const socket of open) socket.destroy();
    },
  };
}

/** kafkajs cuts an address at its first colon. */
const aliasOf = ({ host }: Address) => host.replaceAll(":", "_");

/** A server is told which name is wanted of it; an address is no name. */
function nameFor(host: string, checksName: boolean): ConnectionOptions {
  return {
    ...(isIP(host) ? {} : { servername: host }),
    ...(checksName ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** What a TLS server says to somebody who does not speak TLS: a record of the kind alert, of version 3.x. */
const isTlsAlert = (bytes: Buffer) => bytes[0] === 0x15 && bytes[1] === 0x03;

const noTls = (address: Address) =>
  new AppError("KAFKA_TLS_REFUSED", {
    what: `the broker at ${written(address)} ends each connection that begins with TLS, as one does that speaks none`,
  });

const speaksTls = (address: Address) =>
  new AppError("KAFKA_TLS_REFUSED", {
    what: `the broker at ${written(address)} speaks TLS, and security.protocol says that it does not`,
  });
