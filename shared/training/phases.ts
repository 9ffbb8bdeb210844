// The phases of training as a table: what a part of each is computed from, by what, what comes back, and what moves by
// it. The server makes leases and reads answers by it, trainers check and compute by it: a phase is a row here, an
// input or an answer of a new kind has its place in the four files that name them.

/** A group of weights travels whole; the first layer never does, only sums over it. */
export const groups = ["hidden", "decoder"] as const;
export type Group = (typeof groups)[number];

/**
 * What is sent whole. `old`: the old encoder, its first layer too, where it runs beside the steps of trainers that have
 * a replica on their device (local mode); elsewhere what it says of each user comes along instead.
 */
export const sentWhole = [...groups, "old"] as const;
export type Sent = (typeof sentWhole)[number];

/**
 * What a lease brings along. `bag`: sums over the first layer. `rows`: the users' items. `keys`: of their draws. `old`:
 * what the old encoder says of them, where the prior asks for it. `critic`: its weights. `targets`: what is held back
 * of each user.
 */
export type Input = "bag" | "rows" | "keys" | "old" | "critic" | "targets";

/**
 * What an answer holds. `hidden`, `decoder`, `critic`: gradients of a group. `firstLayer`: of the bags; with steps of
 * the trainer's own how far its rows have come. `posterior`: mean and log-variance of each user. `nextOld`: the same
 * where the prior will ask for it in the next round. `metrics`: of each user.
 */
export type Output = Group | "critic" | "firstLayer" | "posterior" | "nextOld" | "metrics";

/** Halves of the model, and the critic beside it, each with an Adam of its own. */
export type Moved = "encoder" | "decoder" | "critic";

/** The arithmetic, shared/neural/network.ts; `encoder` gives the decoder's gradients too where the phase does. */
export type Arithmetic = "posterior" | "encoder" | "decoder" | "critic" | "score";

interface Row {
  /** Groups of weights that it is computed with. */
  readonly weights: readonly Group[];
  readonly needs: readonly Input[];
  readonly by: Arithmetic;
  /** In the order in which the tensors travel. */
  readonly gives: readonly Output[];
  readonly moves: readonly Moved[];
  /** Whether its loss is the epoch's: a decoder step's has no KL term. */
  readonly isLoss?: true;
  /** Whether a trainer may take steps of it on its own, in local mode. */
  readonly ownSteps?: true;
}

const training = ["bag", "rows", "keys"] as const;

export const phases = {
  posterior: { weights: ["hidden"], needs: ["bag"], by: "posterior", gives: ["posterior"], moves: [] },
  encoder: {
    weights: groups,
    needs: [...training, "old"],
    by: "encoder",
    gives: ["hidden", "firstLayer"],
    moves: ["encoder"],
    isLoss: true,
    ownSteps: true,
  },
  decoder: {
    weights: groups,
    needs: training,
    by: "decoder",
    gives: ["decoder", "nextOld"],
    moves: ["decoder"],
    ownSteps: true,
  },
  joint: {
    weights: groups,
    needs: [...training, "old"],
    by: "encoder",
    gives: [...groups, "firstLayer"],
    moves: ["encoder", "decoder"],
    isLoss: true,
    ownSteps: true,
  },
  /** RaCT's: the critic learns to guess what the network's lists are worth. */
  critic: {
    weights: groups,
    needs: [...training, "critic"],
    by: "critic",
    gives: ["critic"],
    moves: ["critic"],
    isLoss: true,
  },
  /** RaCT's: the network moves by what the critic says of it, while that learns on. */
  actor: {
    weights: groups,
    needs: [...training, "old", "critic"],
    by: "encoder",
    gives: [...groups, "firstLayer", "critic"],
    moves: ["encoder", "decoder", "critic"],
    isLoss: true,
  },
  score: { weights: groups, needs: ["bag", "rows", "targets"], by: "score", gives: ["metrics"], moves: [] },
} as const satisfies Record<string, Row>;

export type Phase = keyof typeof phases;
export const phaseNames = Object.keys(phases) as [Phase, ...Phase[]];

export const phaseOf = (phase: Phase): Row => phases[phase];
