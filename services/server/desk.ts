// Where trainers are served: turns what the sockets say into events, asks leases.ts what to do, does it. One step is open at a time; `run` returns its answers.
import type { ModelConfig } from "../../shared/model/config.ts";
import { cpu } from "../../shared/runtime/cpu.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Exchange } from "../../shared/runtime/exchange.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { type Allocate, encode } from "../../shared/wire/frames.ts";
import type { Contribution, Group, Lease, Phase } from "../../shared/wire/messages.ts";
import type { WireTensor } from "../../shared/wire/tensors.ts";
import { finiteChecked, type Received, receivedOf, shapesChecked } from "./contributions.ts";
import { decide, type Effect, type Event, initial, type State } from "./leases.ts";
import { Outbox, type Versioned } from "./outbox.ts";
import type { Peer, PeerHandlers, Peers } from "./peers.ts";

export interface Work {
  readonly step: number;
  readonly phase: Phase;
  readonly batchSize: number;
  readonly config: ModelConfig;
  /** Users of each part. */
  readonly parts: readonly Uint32Array[];
  readonly hidden: Versioned;
  readonly decoder: Versioned | undefined;
  /** Tensors of a part's lease. Called again when the part is leased again, and must answer the same. */
  inputs(part: number): WireTensor[];
  /** Where a part's answer is to be kept until the step is applied; absent: anywhere. */
  readonly memory?: (part: number) => Allocate;
}

export interface Desk {
  readonly handlers: PeerHandlers;
  /** Leases the parts and waits for all answers, in part order. Rejects with NOT_FINITE, or when the signal fires. */
  run(work: Work, signal: AbortSignal): Promise<readonly Received[]>;
  status(): DeskStatus;
  close(): void;
}

export interface DeskStatus {
  readonly parts: { total: number; leased: number; done: number };
  readonly contributed: ReadonlyMap<string, number>;
  readonly late: number;
  /** Names of the engines that answered so far. */
  readonly engines: ReadonlySet<string>;
  /** Most trainers that were there at one time. */
  readonly trainers: number;
  /** Since when an open step has had no trainer at all. */
  readonly lonely: boolean;
}

interface OpenWork {
  readonly work: Work;
  readonly received: (Received | undefined)[];
  resolve(received: readonly Received[]): void;
  reject(error: unknown): void;
}

const TICK_MS = 200;

const unasked = ({ step, part }: { step: number; part: number }) =>
  new AppError("FRAME_MALFORMED", { what: "an answer that nobody asked for", step, part });

/** `peers` is asked for late: the sockets need the desk's handlers first. */
export function openDesk(
  peers: () => Peers,
  { log, metrics, exchange }: { log: Log; metrics: Metrics; exchange?: Exchange | undefined },
): Desk {
  let state: State = initial;
  let open: OpenWork | undefined;
  let late = 0;
  /** What each trainer holds of each group. */
  const held = new Map<string, Record<Group, number>>();
  const contributed = new Map<string, number>();
  const outbox = new Outbox(peers, exchange);
  const engines = new Set<string>();
  let most = 0;
  const outcomes = metrics.counter("tributary_contributions_total");

  const tell = (event: Event) => {
    const [next, effects] = cpu.in("plan", () => decide(state, event));
    state = next;
    effects.forEach(execute);
  };

  function execute(effect: Effect): void {
    switch (effect.type) {
      case "lease":
        cpu.in("send", () => send(effect.trainer, effect.part));
        break;
      case "expired":
        outcomes.inc({ outcome: "expired" });
        log.warn({ trainer: effect.trainer, step: effect.step, part: effect.part }, "a part was not returned in time; it is leased again");
        break;
      case "late":
        late++;
        outcomes.inc({ outcome: "late" });
        peers().send(effect.trainer, encode({ type: "late", step: effect.step, part: effect.part }));
        break;
      case "accept":
        contributed.set(effect.trainer, (contributed.get(effect.trainer) ?? 0) + 1);
        outcomes.inc({ outcome: "accepted" });
        break;
      case "unasked":
        outcomes.inc({ outcome: "unasked" });
        throw unasked(effect); // reaches the peer's handler, which drops it
      case "complete": {
        const { received, resolve } = open!;
        open = undefined;
        resolve(received as Received[]);
      }
    }
  }

  function send(trainer: string, part: number): void {
    const { work } = open!;
    const has = held.get(trainer)!;
    for (const group of ["hidden", "decoder"] as const) {
      const wanted = work[group];
      if (!wanted || has[group] === wanted.version) continue;
      outbox.send(trainer, group, wanted);
      has[group] = wanted.version;
    }
    const { step, phase, batchSize } = work;
    const versions = { hidden: work.hidden.version, decoder: work.decoder?.version ?? null };
    const lease: Lease = { type: "lease", step, part, phase, batchSize, versions };
    const inputs = cpu.in("plan", () => work.inputs(part));
    outbox.sendOwn(trainer, lease, inputs, `${trainer}-lease-${part}`);
  }

  function contribute(peer: Peer, message: Contribution, decoded: Parameters<PeerHandlers["said"]>[2]): void {
    if (open && message.step === open.work.step) {
      const { work, received: all, reject } = open;
      const users = work.parts[message.part];
      if (!users || message.phase !== work.phase) throw unasked(message);
      shapesChecked(message, decoded.described, work.config, users.length);
      if (all[message.part] === undefined && state.open?.parts[message.part]?.sent[peer.id] !== undefined) {
        const received = receivedOf(message, decoded, work.memory?.(message.part));
        try {
          finiteChecked(received, message.step);
        } catch (error) {
          giveUp();
          reject(error);
          return;
        }
        all[message.part] = received;
      }
    }
    engines.add(peer.engine);
    tell({ type: "contributed", trainer: peer.id, step: message.step, part: message.part, at: Date.now() });
  }

  function giveUp(): void {
    open = undefined;
    tell({ type: "closed", at: Date.now() });
  }

  const ticking = setInterval(() => tell({ type: "ticked", at: Date.now() }), TICK_MS);

  return {
    handlers: {
      joined: (peer) => {
        held.set(peer.id, { hidden: -1, decoder: -1 });
        most = Math.max(most, held.size);
        log.info({ trainer: peer.id, name: peer.name, engine: peer.engine }, "a trainer joined");
        metrics.gauge("tributary_trainers").set(peers().list().length);
      },
      said: (peer, message, decoded) => {
        if (message.type === "ask") tell({ type: "asked", trainer: peer.id, at: Date.now() });
        else if (message.type === "took") outbox.took(peer.id, message.version);
        else contribute(peer, message, decoded);
      },
      left: (peer, why) => {
        held.delete(peer.id);
        outbox.left(peer.id);
        contributed.delete(peer.id);
        log.info({ trainer: peer.id, name: peer.name, why }, "a trainer left");
        metrics.gauge("tributary_trainers").set(peers().list().length);
        tell({ type: "left", trainer: peer.id, at: Date.now() });
      },
    },
    run: (work, signal) =>
      new Promise((resolve, reject) => {
        const aborted = () => {
          giveUp();
          reject(signal.reason);
        };
        if (signal.aborted) return aborted();
        signal.addEventListener("abort", aborted, { once: true });
        const settled =
          <T>(settle: (value: T) => void) =>
          (value: T) => {
            signal.removeEventListener("abort", aborted);
            settle(value);
          };
        open = { work, received: work.parts.map(() => undefined), resolve: settled(resolve), reject: settled(reject) };
        tell({ type: "opened", step: work.step, phase: work.phase, parts: work.parts.length, at: Date.now() });
      }),
    status: () => ({
      parts: {
        total: state.open?.parts.length ?? 0,
        leased: state.open?.parts.filter((part) => part.lease).length ?? 0,
        done: state.open?.parts.filter((part) => part.done).length ?? 0,
      },
      contributed,
      late,
      engines,
      trainers: most,
      lonely: open !== undefined && held.size === 0,
    }),
    close: () => clearInterval(ticking),
  };
}
