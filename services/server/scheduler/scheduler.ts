// Where trainers are served: turns what the sockets say into events, asks leases.ts what to do, does it. One step is
// open at a time; `run` returns its answers.
import { AppError } from "../../../shared/errors/errors.ts";
import type { Recipe } from "../../../shared/neural/recipe.ts";
import { cpu } from "../../../shared/runtime/cpu.ts";
import type { Log } from "../../../shared/runtime/log.ts";
import type { Metrics } from "../../../shared/runtime/metrics.ts";
import type { Exchange } from "../../../shared/training/exchange.ts";
import { type Allocate, type Decoded, encode } from "../../../shared/training/frames.ts";
import type { State } from "../../../shared/training/lease-state.ts";
import { decide, type Effect, type Event, initial, nextTick, worth } from "../../../shared/training/leases.ts";
import type { Contribution, FromServer, InnerStep, Lease } from "../../../shared/training/messages.ts";
import type { Halving, Wire } from "../../../shared/training/numbers.ts";
import { type Phase, type Sent, sentWhole } from "../../../shared/training/phases.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import type { Peer, PeerHandlers, Peers } from "../admission/peers.ts";
import { Accounts } from "./accounts.ts";
import { notFiniteIn, type Received, receivedOf, shapesChecked } from "./contributions.ts";
import { Outbox, type Versioned } from "./outbox.ts";
import { type SchedulerStatus, standing } from "./scheduler-status.ts";

export interface Work {
  readonly step: number;
  readonly phase: Phase;
  readonly batchSize: number;
  readonly config: Recipe;
  /** Weight of the KL term, where it is one for all users of the step. */
  readonly beta?: number | undefined;
  /** Batches of the schedule that it stands for; absent: one. */
  readonly steps?: number;
  /** Users of each part. */
  readonly parts: readonly Uint32Array[];
  readonly hidden: Versioned;
  readonly decoder: Versioned | undefined;
  /**
   * In local mode, where the old encoder runs beside: itself, or null where the phase does not need it. Absent: what it
   * says of users comes along and goes.
   */
  readonly old?: Versioned | null | undefined;
  /** Tensors of a part's lease. Called again when the part is leased again, and must answer the same. */
  inputs(part: number): WireTensor[];
  /**
   * In local mode, of each part: the steps that a trainer takes on its own, and how many rows of the first layer they
   * touch.
   */
  readonly local?: readonly { readonly inner: readonly InnerStep[]; readonly rows: number }[];
  /** Where a part's answer is to be kept until the step is applied; absent: anywhere. */
  readonly memory?: (part: number) => Allocate;
  /** What looks at the answers' numbers, and turns them from halves. */
  readonly numbers?: Pick<Halving, "fromHalves"> & { finite(data: Float32Array): boolean };
  /** How the answers' numbers come. */
  readonly wire?: Wire;
}

export interface Scheduler {
  readonly handlers: PeerHandlers;
  /** Whether an answer of this trainer may still come, be it late: until then it has nothing large to say. */
  awaits(trainer: string): boolean;
  /** Leases the parts and waits for all answers, in part order. Rejects with NOT_FINITE, or when the signal fires. */
  run(work: Work, signal: AbortSignal): Promise<readonly Received[]>;
  status(): SchedulerStatus;
  close(): void;
}

interface OpenWork {
  readonly work: Work;
  readonly received: (Received | undefined)[];
  resolve(received: readonly Received[]): void;
  reject(error: unknown): void;
}

/** The weights that a lease of the work is computed with. */
export const versionsOf = ({ hidden, decoder, old }: Work): Lease["versions"] => ({
  ...{ hidden: hidden.version, decoder: decoder?.version ?? null },
  ...(old !== undefined && { old: old?.version ?? null }),
});

/** What is known of a trainer besides its leases. */
interface Present {
  readonly peer: Peer;
  /** Versions of the weights that it has. */
  readonly has: Record<Sent, number>;
  /** Leases sent so far. */
  leases: number;
}

/** Files of a trainer's leases, used in turn: of more than two at a time, leases.ts lets no trainer hold any. */
const LEASE_FILES = 2;

/** Milliseconds since 1970 that no change of the clock moves. */
const now = () => performance.timeOrigin + performance.now();

/** `peers` is asked for late: the sockets need the scheduler's handlers first. */
export function openScheduler(
  peers: () => Peers,
  { log, metrics, exchange }: { log: Log; metrics: Metrics; exchange?: Exchange | undefined },
): Scheduler {
  let state: State = initial;
  let open: OpenWork | undefined;
  const present = new Map<string, Present>();
  const accounts = new Accounts(metrics);
  const outbox = new Outbox(peers, exchange);
  const engines = new Set<string>();
  const devices = new Set<string>();
  let most = 0;
  let waking: NodeJS.Timeout | undefined;

  const tell = (event: Event): readonly Effect[] => {
    const [next, effects] = cpu.in("plan", () => decide(state, event));
    state = next;
    effects.forEach(execute);
    clearTimeout(waking);
    const at = nextTick(state);
    // What lies in the sockets is read first: while the server itself was busy, nobody was late.
    if (at !== undefined) waking = setTimeout(() => setImmediate(tick), Math.max(1, at - now())).unref();
    return effects;
  };
  const tick = () => tell({ type: "ticked", at: now() });

  function execute(effect: Effect): void {
    switch (effect.type) {
      case "lease":
        cpu.in("send", () => send(effect.trainer, effect.part));
        break;
      case "accept":
        accounts.count(effect.trainer, "accepted");
        accounts.took(effect.trainer, effect.took);
        break;
      case "late":
      case "duplicate":
        accounts.count(effect.trainer, effect.type);
        peers().send(
          effect.trainer,
          encode({ type: effect.type, step: effect.step, part: effect.part } satisfies FromServer),
        );
        break;
      case "expired":
        accounts.count(effect.trainer, "expired");
        log.warn(
          { trainer: effect.trainer, step: effect.step, part: effect.part },
          "a part was not returned in time; it is leased again",
        );
        break;
      case "unasked":
        accounts.count(effect.trainer, "unasked");
        break;
      case "spoiled":
        accounts.count(effect.trainer, "notFinite");
        break;
      case "poisoned": {
        const { reject } = open!;
        open = undefined;
        reject(
          new AppError("NOT_FINITE", {
            what: `no trainer has a finite answer to part ${effect.part}`,
            step: effect.step,
          }),
        );
        break;
      }
      case "complete": {
        const { received, resolve } = open!;
        open = undefined;
        resolve(received as Received[]);
      }
    }
  }

  function send(trainer: string, part: number): void {
    const { work } = open!;
    const to = present.get(trainer)!;
    for (const group of sentWhole) {
      const wanted = work[group];
      if (!wanted || to.has[group] === wanted.version) continue;
      outbox.send(to.peer, group, wanted);
      to.has[group] = wanted.version;
    }
    const { step, phase, batchSize, beta } = work;
    const versions = versionsOf(work);
    const inner = work.local?.[part]?.inner;
    const lease: Lease = {
      type: "lease",
      step,
      part,
      phase,
      batchSize,
      beta,
      versions,
      ...(inner && { inner: [...inner] }),
    };
    const inputs = cpu.in("plan", () => work.inputs(part));
    outbox.sendOwn(to.peer, lease, inputs, `${trainer}-lease-${to.leases++ % LEASE_FILES}`);
  }

  /** Throws what the peer is told when it is dropped for this; the other effects are done by then. */
  function contribute(peer: Peer, message: Contribution, decoded: Decoded): void {
    const { step, part } = message;
    const named = { trainer: peer.id, step, part };
    let odd: string | undefined;
    if (open && worth(state, named) === "first") {
      const { work, received } = open;
      if (message.phase !== work.phase)
        throw new AppError("FRAME_MALFORMED", { what: `an answer of phase ${message.phase}`, step, part });
      shapesChecked(message, decoded.described, work.config, work.parts[part]!.length, {
        rows: work.local?.[part]?.rows,
        wire: work.wire ?? "f32",
        says: work.old === undefined,
      });
      const answer = receivedOf(message, decoded, work.memory?.(part), work.numbers);
      odd = notFiniteIn(answer, work.numbers);
      received[part] = { ...answer, finite: odd === undefined };
    }
    engines.add(peer.engine);
    devices.add(peer.device ?? "unknown");
    accounts.spent(peer.id, message.times);
    const effects = tell({ type: "contributed", ...named, finite: odd === undefined, at: now() });
    if (odd !== undefined) throw new AppError("NOT_FINITE", { what: `${odd} of the answer is not finite`, step, part });
    if (effects.some(({ type }) => type === "unasked"))
      throw new AppError("FRAME_MALFORMED", { what: "an answer that nobody asked for", step, part });
  }

  /** In local mode a part is steps that a trainer has taken on its own and told nobody of yet. */
  function sayWhatIsLost(trainer: string): void {
    const { holds = [] } = state.trainers.get(trainer) ?? {};
    for (const { step, part } of holds) {
      const steps = open?.work.step === step ? open.work.local?.[part]?.inner.length : undefined;
      if (steps !== undefined && !open!.received[part])
        log.warn(
          { trainer, step, part, steps },
          "steps that it took on its own are lost with it; they are leased again",
        );
    }
  }

  function giveUp(): void {
    open = undefined;
    tell({ type: "closed", at: now() });
  }

  return {
    handlers: {
      joined: (peer) => {
        present.set(peer.id, { peer, has: { hidden: -1, decoder: -1, old: -1 }, leases: 0 });
        accounts.open(peer.id);
        most = Math.max(most, present.size);
        const { id: trainer, name, engine, device } = peer;
        log.info({ trainer, name, engine, device }, "a trainer joined");
      },
      said: (peer, message, decoded) => {
        if (message.type === "ask") tell({ type: "asked", trainer: peer.id, at: now() });
        else if (message.type === "took") outbox.took(peer.id, message.version);
        else contribute(peer, message, decoded);
      },
      flow: (peer, clogged) => {
        tell({ type: clogged ? "clogged" : "flowing", trainer: peer.id, at: now() });
      },
      left: (peer, why) => {
        present.delete(peer.id);
        outbox.left(peer.id);
        accounts.close(peer.id);
        log.info({ trainer: peer.id, name: peer.name, why }, "a trainer left");
        sayWhatIsLost(peer.id);
        tell({ type: "left", trainer: peer.id, at: now() });
      },
    },
    awaits: (trainer) => (state.trainers.get(trainer)?.holds.length ?? 0) > 0,
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
        tell({ type: "opened", step: work.step, phase: work.phase, parts: work.parts.length, at: now() });
      }),
    status: () => ({
      ...standing(state, present.keys(), accounts),
      engines,
      devices,
      mostTrainers: most,
      lonely: present.size === 0,
    }),
    close: () => clearTimeout(waking),
  };
}
