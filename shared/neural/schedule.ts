// Which users each step of an outer epoch holds: encoder passes, then decoder passes, or joint ones; each in its own
// keyed order. Source: docs/design/recvae.md#schedule.
import { permutation } from "../compute/draws.ts";

/** What the paper's ablation turns about an outer epoch. */
export interface Schedule {
  readonly batchSize: number;
  readonly encoderPasses: number;
  readonly decoderPasses: number;
  /** Dropout in decoder passes too. */
  readonly decoderNoise: boolean;
  /**
   * Encoder and decoder move in turn. Otherwise `encoderPasses` joint passes take the place of all others: both move
   * together, from the same batch with dropout.
   */
  readonly alternating: boolean;
}

/** The authors' own. */
export const usualSchedule: Schedule = {
  batchSize: 500,
  encoderPasses: 3,
  decoderPasses: 1,
  decoderNoise: false,
  alternating: true,
};

interface Pass {
  /**
   * Which half of the model moves; both in a joint one. RaCT's are joint ones too: in one of the critic nothing moves
   * but that, in one of the actor both halves by what the critic says.
   */
  readonly phase: "encoder" | "decoder" | "joint" | "critic" | "actor";
  readonly dropout: boolean;
}

export interface Step extends Pass {
  /** Global number of the step, the key of its draws. */
  readonly index: number;
  /** Pass within the outer epoch, from 0, encoder passes first. */
  readonly pass: number;
  readonly users: Uint32Array;
}

export interface EpochPlan {
  /** The users that take part, by their index. */
  readonly users: Uint32Array;
  readonly seed: number;
  readonly epoch: number;
  /** Global number of the epoch's first step. */
  readonly firstStep: number;
  readonly schedule: Schedule;
  /** What joint passes are, see `passOfCritic` in recipe.ts; absent: just that. */
  readonly joint?: Pass["phase"] | undefined;
}

/** The passes of one outer epoch, in order. */
export function passesOf({ encoderPasses, decoderPasses, decoderNoise, alternating }: Schedule): Pass[] {
  const times = (count: number, pass: Pass) => Array.from({ length: count }, () => pass);
  if (!alternating) return times(encoderPasses, { phase: "joint", dropout: true });
  return [
    ...times(encoderPasses, { phase: "encoder", dropout: true }),
    ...times(decoderPasses, { phase: "decoder", dropout: decoderNoise }),
  ];
}

/**
 * The steps of one outer epoch, in order. The last batch of a pass is smaller when the users don't divide. The snapshot
 * of the old encoder stands after the last step that moves the encoder.
 */
export function outerEpoch({ users, seed, epoch, firstStep, schedule, joint = "joint" }: EpochPlan): Step[] {
  const { batchSize } = schedule;
  const passes = passesOf(schedule);
  const steps: Step[] = [];
  passes.forEach(({ phase: usual, dropout }, pass) => {
    const phase = usual === "joint" ? joint : usual;
    const order = permutation(seed, epoch * passes.length + pass, users.length).map((k) => users[k]!);
    for (let from = 0; from < order.length; from += batchSize)
      steps.push({
        index: firstStep + steps.length,
        phase,
        dropout,
        pass,
        users: order.subarray(from, from + batchSize),
      });
  });
  return steps;
}

/**
 * The users of each part of a step. Parts have a fixed size, so that their number never depends on who is there to
 * compute them.
 */
export function partsOf(step: Step, partSize = 250): Uint32Array[] {
  const parts: Uint32Array[] = [];
  for (let from = 0; from < step.users.length; from += partSize) parts.push(step.users.subarray(from, from + partSize));
  return parts;
}
