// Checkpoints of a run on their way to the disk: checkpointing.ts decides when, checkpoint-writer.ts writes. Between
// main.ts and both.
import type { Log } from "../../../shared/runtime/log.ts";
import { openCheckpointWriter, type Target } from "./checkpoint-writer.ts";
import { type Checkpointing, type Outcome, openCheckpointing, type Position } from "./checkpointing.ts";

interface Settings extends Target {
  /** From one to the next, at least. */
  readonly seconds: number;
  /** What the run goes on from: that is on disk. */
  readonly from: Position | undefined;
}

export interface Saving {
  readonly checkpointing: Checkpointing;
  /** After the one under way. */
  close(): Promise<void>;
}

/** `told` hears of each how it went. */
export function openSaving({ seconds, from, ...target }: Settings, told: (outcome: Outcome) => void, log: Log): Saving {
  const { write, close } = openCheckpointWriter(target);
  const heard = (outcome: Outcome) => {
    told(outcome);
    if (outcome.error !== undefined)
      log.error({ step: outcome.step, err: outcome.error }, "a checkpoint could not be written");
  };
  const now = () => performance.now() / 1000;
  return { checkpointing: openCheckpointing({ seconds, from, write, told: heard, now }), close };
}
