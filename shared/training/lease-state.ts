// What leases.ts knows and matching.ts looks at: the open step, who waits for a part, who holds which.
import type { Durations, Millis } from "./deadlines.ts";
import type { Phase } from "./phases.ts";

export type TrainerId = string;

/** A step is open until every part has one contribution. Parts are numbered from 0. */
export interface OpenStep {
  readonly step: number;
  readonly phase: Phase;
  readonly parts: readonly PartState[];
}

export interface PartState {
  /** A contribution was accepted; whatever else comes for this part is late. */
  readonly done: boolean;
  /** Who answered it so far. */
  readonly answered: readonly TrainerId[];
  /** Somebody's answer to it was not finite. */
  readonly spoiled: boolean;
}

export interface Lease {
  readonly step: number;
  readonly part: number;
  readonly phase: Phase;
  /**
   * Somebody else is relied on for this part, or was when this lease ran out; an answer that comes first counts all the
   * same.
   */
  readonly spare: boolean;
}

export interface Trainer {
  /** Proven: its last answer came in time. Suspect: its deadline has passed, and it still owes the answer. */
  readonly standing: "unproven" | "proven" | "suspect";
  /** Its socket does not drain. */
  readonly clogged: boolean;
  /** What it was sent and has not answered, in the order in which it computes. */
  readonly holds: readonly Lease[];
  /** Since when it computes the first of them. */
  readonly since: Millis;
}

export interface State {
  readonly open: OpenStep | undefined;
  /** Who waits for a part, in order; one entry is one part wanted. */
  readonly asking: readonly TrainerId[];
  readonly trainers: ReadonlyMap<TrainerId, Trainer>;
  readonly durations: Durations;
}
