// For tests of faults: a small run with two trainers, each behind a network of its own that obeys the test, and the
// moments of the run at which something can be made to happen.
import { join } from "node:path";
import type { EngineName } from "../../shared/compute/engine.ts";
import type { Spawned } from "../../shared/runtime/spawn.ts";
import { type Network, openProxy, type Way } from "./proxy.ts";
import { type Cluster, freePort, type ServerStatus } from "./training-cluster.ts";

/** 250 users: five steps a pass, each of four parts of 12 users and one of 2. */
export const small = [
  "--hidden",
  "24",
  "--latent",
  "8",
  "--seed",
  "7",
  "--batch-size",
  "50",
  "--part-size",
  "12",
  "--epochs",
  "4",
];
/** A step is one part: while one trainer computes, nobody else has anything to do. */
export const single = ["--part-size", "50"];

/** Step 0 asks the first old posteriors; then each outer epoch has so many. */
const STEPS = { encoder: 15, decoder: 5, validation: 1 };
const EPOCH = STEPS.encoder + STEPS.decoder + STEPS.validation;
/** The step of the second outer epoch and of those after it: a trainer that has no part of one has one of the next. */
const inEachEpoch = (step: number) => [1, 2, 3].map((epoch) => 1 + epoch * EPOCH + step).join("|");

/**
 * The messages under way at a moment. The snapshot of the encoder lies between its last step's answers and the first
 * leases of the decoder.
 */
const encoderStep = { steps: inEachEpoch(7), phase: "encoder" };
const decoderStep = { steps: inEachEpoch(STEPS.encoder + 2), phase: "decoder" };
export const moments = {
  "the encoder phase": { lease: encoderStep, answer: encoderStep },
  "the snapshot": {
    answer: { steps: inEachEpoch(STEPS.encoder - 1), phase: "encoder" },
    lease: { steps: inEachEpoch(STEPS.encoder), phase: "decoder" },
  },
  "the decoder phase": { lease: decoderStep, answer: decoderStep },
};
export type Moment = (typeof moments)[keyof typeof moments];

export interface Trainer {
  readonly process: Spawned;
  readonly network: Network;
}

export interface Stage {
  readonly server: Spawned;
  readonly victim: Trainer;
  readonly other: Trainer;
  /** Resolves when a lease of the moment is on its way to the victim; its network holds it. */
  leased(): Promise<void>;
  /** Resolves when the victim's answer to a lease of the moment is on its way to the server; its network holds it. */
  answered(): Promise<void>;
  /** Resolves when the server says what is wanted, or has ended. */
  says(wanted: (status: ServerStatus) => boolean): Promise<void>;
  /** Of another trainer, without a network between. */
  startTrainer(): void;
  /** Where it stood, once it is gone. */
  restartServer(): void;
  /** The server's exit code. */
  ended(): Promise<number>;
  close(): Promise<void>;
}

/**
 * `flags` are the server's. The other trainer cannot connect before its network heals when it is `outside`. `engine`:
 * the trainers', absent: as they choose.
 */
export async function openStage(
  cluster: Cluster,
  name: string,
  moment: Moment,
  { flags = [], outside = false, engine }: { flags?: readonly string[]; outside?: boolean; engine?: EngineName },
): Promise<Stage> {
  const port = await freePort();
  const start = () => cluster.startServer(join(cluster.dir, name), port, "--data", cluster.data, ...small, ...flags);
  const startTrainer = (at: number) => cluster.startTrainer(at, ...(engine ? ["--engine", engine] : []));
  const startBehind = (network: Network): Trainer => ({ process: startTrainer(network.port), network });
  const networks = [await openProxy(port), await openProxy(port)] as const;
  if (outside) networks[1].halfOpen();
  let server = start();
  const [victim, other] = [startBehind(networks[0]), startBehind(networks[1])];
  const held = async (way: Way, type: string, { steps, phase }: Moment["lease"]) => {
    const pattern = new RegExp(`"type":"${type}","step":(${steps}),"part":\\d+,"phase":"${phase}"`);
    const missed = server.exited.then(() =>
      Promise.reject(new Error(`the run ended, and no message came by that matches ${pattern}`)),
    );
    await Promise.race([victim.network.holdAt(way, pattern), missed]);
  };
  return {
    get server() {
      return server;
    },
    victim,
    other,
    leased: () => held("down", "lease", moment.lease),
    answered: () => held("up", "contribution", moment.answer),
    says: async (wanted) => {
      await Promise.race([cluster.until(server, wanted, 60_000), server.exited]);
    },
    startTrainer: () => void startTrainer(port),
    restartServer: () => {
      server = start();
    },
    ended: () => server.exited,
    close: async () => {
      await cluster.killAll();
      await Promise.all(networks.map((network) => network.close()));
    },
  };
}
