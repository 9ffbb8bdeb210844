// Which users each step of an outer epoch holds: three encoder passes, then one decoder pass, each in its own keyed order. Source: spec/recvae.md 1.7.
import { permutation } from "./draws.ts";

type Phase = "encoder" | "decoder";

export interface Step {
  /** Global number of the step, the key of its draws. */
  readonly index: number;
  readonly phase: Phase;
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
  readonly batchSize?: number;
  readonly encoderPasses?: number;
  readonly decoderPasses?: number;
}

/** The steps of one outer epoch, in order. The last batch of a pass is smaller when the users don't divide. The snapshot of the old encoder stands before the first decoder step. */
export function outerEpoch(plan: EpochPlan): Step[] {
  const { users, seed, epoch, firstStep, batchSize = 500, encoderPasses = 3, decoderPasses = 1 } = plan;
  const steps: Step[] = [];
  for (let pass = 0; pass < encoderPasses + decoderPasses; pass++) {
    const order = permutation(seed, epoch * (encoderPasses + decoderPasses) + pass, users.length).map((k) => users[k]!);
    for (let from = 0; from < order.length; from += batchSize) {
      const phase = pass < encoderPasses ? "encoder" : "decoder";
      steps.push({ index: firstStep + steps.length, phase, pass, users: order.subarray(from, from + batchSize) });
    }
  }
  return steps;
}

/** The users of each part of a step. Parts have a fixed size, so that their number never depends on who is there to compute them. */
export function partsOf(step: Step, partSize = 250): Uint32Array[] {
  const parts: Uint32Array[] = [];
  for (let from = 0; from < step.users.length; from += partSize) parts.push(step.users.subarray(from, from + partSize));
  return parts;
}
