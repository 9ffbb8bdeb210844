// A training run: what its steps read and move.
import type { Schedule } from "../../../shared/neural/schedule.ts";
import type { NeuralName } from "../../../shared/systems/registry.ts";
import type { Phase } from "../../../shared/training/phases.ts";
import type { Received } from "../scheduler/contributions.ts";
import type { Work } from "../scheduler/scheduler.ts";
import type { Critic } from "./critic.ts";
import type { Parameters } from "./parameters.ts";
import type { Posteriors } from "./posteriors.ts";
import type { OldEncoder } from "./publisher.ts";
import type { Costs } from "./stint-length.ts";

/** Everything that a step reads or moves; a checkpoint holds all of it. */
export interface Run extends Parameters {
  /** The system's name; absent: the default one. */
  readonly model?: NeuralName;
  /** SHA-256 of the weights that it began with; undefined: they were drawn. */
  readonly from?: string | undefined;
  readonly seed: number;
  readonly schedule: Schedule;
  readonly partSize: number;
  /** RaCT's; absent in all others. */
  readonly critic?: Critic | undefined;
  posteriors: Posteriors;
  /** Steps opened so far, forward passes included: the key of every draw. */
  step: number;
  /** Outer epochs completed. */
  round: number;
  /** Absent in exact mode. */
  local?: Local;
  /** The outer epoch that is half done; undefined between two. */
  underWay?: UnderWay | undefined;
}

/** Where in an outer epoch the run stands: the rest of it follows from `step` and the schedule. */
export interface UnderWay {
  /** Those that it trains on. */
  readonly users: Uint32Array;
  readonly firstStep: number;
  /** Of the losses, each as often as its step has users. */
  readonly sums: { reconstruction: number; kl: number; users: number };
  /** In local mode: users of a step that a trainer takes on its own. */
  readonly ownBatch?: number | undefined;
  /** The old encoder, where it runs beside the trainers' own steps: then no posterior is kept. */
  readonly old?: OldEncoder | undefined;
}

/** Leases a step's parts and waits for the answers, in part order. */
export type RunStep = (work: Work) => Promise<readonly Received[]>;

/** Mean over the users and the passes of an outer epoch that move the encoder. */
export interface Loss {
  readonly reconstruction: number;
  readonly kl: number;
}

/** How `--sync local` goes about it. */
export interface Local {
  /** Most batches of the schedule that a trainer takes on its own between two sums, each in steps of its own. */
  readonly every: number | "auto";
  /** What outer steps cost so far, by phase: what `auto` follows. */
  readonly costs: Partial<Record<Phase, Costs>>;
  /** How many trainers there are at the moment. */
  trainers(): number;
  /**
   * Whether the old encoder is to run beside their steps: as soon as all have a replica on their device, and from then
   * on. Resolves when there is a trainer.
   */
  runsBeside(): Promise<boolean>;
  /** Seconds, by a clock that nobody sets. */
  now(): number;
}
