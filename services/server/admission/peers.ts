// The trainers at the parameter server: who is there, what they say, what they are sent. Knows nothing of steps;
// scheduler.ts does. Above connection.ts.
import { AppError } from "../../../shared/errors/errors.ts";
import { type Exchange, withTensors } from "../../../shared/training/exchange.ts";
import type { Decoded } from "../../../shared/training/frames.ts";
import type { FromTrainer, Hello } from "../../../shared/training/messages.ts";
import type { Wire } from "../../../shared/training/numbers.ts";
import { type Listen, openAdmission } from "./admission.ts";
import { attend, type Connection } from "./connection.ts";
import { MOST_PEERS } from "./limits.ts";

export interface Peer {
  readonly id: string;
  readonly name: string;
  readonly engine: string;
  /** Undefined of a trainer from before it was told. */
  readonly device: string | undefined;
  /** Whether in local mode a replica of the model moves on its device. */
  readonly resident: boolean;
  readonly threads: number;
  /** Tensors may go through the exchange. */
  shares: boolean;
  readonly lastSeenAt: number;
}

export interface PeerHandlers {
  joined(peer: Peer): void;
  /** A throw drops the peer, which is told why. */
  said(peer: Peer, message: Exclude<FromTrainer, Hello | { type: "shares" }>, decoded: Decoded): void;
  /** True: more than two full frames wait for the peer to take them; false: no longer. */
  flow(peer: Peer, clogged: boolean): void;
  left(peer: Peer, why: string): void;
}

export interface Peers {
  /** ws://host:port or wss://host:port, the port as it came out. */
  readonly url: string;
  /** Over the sockets, and through the exchange's files. `waiting`: sent, and not taken yet by whom it was sent to. */
  readonly bytes: {
    readonly sent: number;
    readonly received: number;
    readonly waiting: number;
    readonly memory: Exchange["bytes"];
  };
  /** Peers that were dropped and told why. */
  readonly rejected: number;
  list(): readonly Peer[];
  /** `sent`: the socket has taken the frames, or never will. Their memory must stay as it is until then. */
  send(id: string, frames: readonly Uint8Array[], sent?: () => void): void;
  /** `finished`: trainers are told that there is nothing left to do, and end; otherwise they try to come back. */
  close(finished: boolean): Promise<void>;
}

interface ForTrainers extends Listen {
  /** Offered to every trainer; those on this machine take it. */
  readonly exchange?: Exchange | undefined;
  /** Largest message that this trainer may send now, bytes. */
  limit(id: string): number;
}

const LOOK_EVERY_MS = 1_000;
const LOOKS_PER_PING = 5;

/** What a trainer must know of the run. */
export interface RunFacts {
  readonly seed: number;
  readonly wire: Wire;
}

/** Throws EADDRINUSE. */
export async function listenForPeers(
  { exchange, limit, ...listen }: ForTrainers,
  on: PeerHandlers,
  run: RunFacts,
): Promise<Peers> {
  const connections = new Set<Connection>();
  const connected = new Map<string, { peer: Peer; connection: Connection }>();
  const passed = { sent: 0, received: 0 };
  let rejected = 0;
  let serial = 0;
  let looks = 0;

  const admission = await openAdmission(listen, (socket, admit) => {
    let peer: Peer | undefined;
    const connection = attend(socket, {
      limit: () => limit(peer!.id),
      hear: (message, decoded) => {
        if (peer) return hear(peer, message, decoded);
        peer = greet(message, decoded, connection);
        admit();
      },
      flow: (clogged) => peer && on.flow(peer, clogged),
      rejected: () => {
        rejected++;
      },
      gone: (why) => {
        connections.delete(connection);
        if (!peer) return;
        connected.delete(peer.id);
        exchange?.remove(`${peer.id}-`);
        on.left(peer, why);
      },
      passed: (direction, bytes) => {
        passed[direction] += bytes;
      },
    });
    connections.add(connection);
  });

  function greet(message: FromTrainer, decoded: Decoded, connection: Connection): Peer {
    if (message.type !== "hello") throw new AppError("FRAME_MALFORMED", { what: `"${message.type}" before hello` });
    hasNoTensors(message, decoded);
    if (connected.size >= MOST_PEERS)
      throw new AppError("PEER_REJECTED", { what: `${MOST_PEERS} trainers are here, and no more may come` });
    const { name, engine, device, threads, resident = false } = message;
    const peer: Peer = {
      ...{ id: `t${++serial}`, name, engine, device, threads, resident, shares: false },
      get lastSeenAt() {
        return connection.heardAt;
      },
    };
    connected.set(peer.id, { peer, connection });
    connection.say({ type: "welcome", trainer: peer.id, ...run, exchange: exchange?.offer ?? null });
    on.joined(peer);
    return peer;
  }

  function hear(peer: Peer, message: FromTrainer, decoded: Decoded): void {
    const elsewhere = message.type === "contribution" ? message.elsewhere : undefined;
    if (message.type !== "contribution" || elsewhere) hasNoTensors(message, decoded);
    if (elsewhere && !elsewhere.file.startsWith(`${peer.id}-`))
      throw new AppError("FRAME_MALFORMED", { what: "another peer's file" });
    if (message.type === "hello") throw new AppError("FRAME_MALFORMED", { what: "a second hello" });
    if (message.type === "shares") peer.shares = exchange !== undefined;
    else on.said(peer, message, withTensors(decoded, elsewhere, peer.shares ? exchange : undefined, limit(peer.id)));
  }

  const looking = setInterval(() => {
    const ping = ++looks % LOOKS_PER_PING === 0;
    for (const connection of connections) connection.look(ping);
  }, LOOK_EVERY_MS);

  return {
    url: admission.url,
    bytes: {
      get sent() {
        return passed.sent;
      },
      get received() {
        return passed.received;
      },
      get waiting() {
        return [...connections].reduce((sum, { out }) => sum + out.waiting, 0);
      },
      memory: exchange?.bytes ?? { sent: 0, received: 0 },
    },
    get rejected() {
      return rejected;
    },
    list: () => [...connected.values()].map(({ peer }) => peer),
    send: (id, frames, sent) => {
      const connection = connected.get(id)?.connection;
      if (connection) connection.out.push(frames, sent);
      else sent?.();
    },
    close: async (finished) => {
      clearInterval(looking);
      for (const { end } of connections) end(finished);
      await admission.close();
    },
  };
}

function hasNoTensors({ type }: FromTrainer, { described: [first] }: Decoded): void {
  if (first) throw new AppError("FRAME_MALFORMED", { what: `tensor ${first.name} in a "${type}" that has none here` });
}
