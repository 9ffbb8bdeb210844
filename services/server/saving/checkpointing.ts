// When a checkpoint is made: at most every N seconds between two steps, at a round's end, at the end. The run pays for
// a copy; what writes it does so meanwhile, one at a time. The best epoch's model goes with it: until the next
// checkpoint there is only a copy of it in memory, and a run that dies before computes that epoch again.
import type { Contents } from "../../../shared/checkpoints/checkpoints.ts";
import type { ManifestFacts } from "../../../shared/checkpoints/manifest.ts";
import { spareCopy } from "./spare-copy.ts";

/** The model of the best epoch so far. */
export type Best = Pick<Contents, "weights" | "facts" | "vocabulary">;

export interface Job extends Contents {
  /** Where it is not yet on disk. */
  readonly best?: Best | undefined;
}

export interface Outcome {
  readonly step: number;
  readonly round: number;
  /** Of the writing, which no step waits for. */
  readonly seconds: number;
  /** Undefined once it is on disk. */
  readonly error: unknown;
}

export interface Checkpointing {
  /**
   * Takes a copy of the best epoch's model, which the next checkpoint brings to the disk. Resolves when it is taken.
   */
  best(model: Best): Promise<void>;
  /** Between two steps: makes one if it is time and none is under way. What making `contents` throws ends the run. */
  offer(contents: () => Contents): void;
  /** Makes one, after the one under way. Resolves when the copy is taken: the run may go on. */
  save(contents: Contents): Promise<void>;
  /** Everything is on disk. Throws why the last one is not. */
  settled(): Promise<void>;
}

export type Position = Pick<ManifestFacts, "step" | "midRound">;

interface Settings {
  /** From one to the next, at least. */
  readonly seconds: number;
  /** What the run goes on from: that is on disk. */
  readonly from: Position | undefined;
  write(job: Job): Promise<void>;
  /** One that failed is made up for at the next occasion. */
  told(outcome: Outcome): void;
  /** Seconds of any clock that does not go back. */
  now(): number;
}

export function openCheckpointing({ seconds, from, write, told, now }: Settings): Checkpointing {
  const [weightsCopy, stateCopy, bestCopy] = [spareCopy(), spareCopy(), spareCopy()];
  let owed: Best | undefined;
  let held: Position = from ?? { step: 0 }; // of a run without a step there is nothing to keep
  let failed: { error: unknown } | undefined;
  let underWay: Promise<void> | undefined;
  let isBestRead = false;
  let begunAt = now();

  function begin(contents: Contents): void {
    const { weights, state, training, facts } = contents;
    const startedAt = now();
    const ended = (failure: typeof failed) => {
      if (isBestRead && !failure) owed = undefined;
      isBestRead = false;
      failed = failure;
      underWay = undefined;
      told({ step: facts.step, round: facts.round, seconds: now() - startedAt, error: failure?.error });
    };
    held = facts;
    begunAt = startedAt;
    isBestRead = owed !== undefined;
    const copy = {
      ...contents,
      weights: weightsCopy(weights),
      state: stateCopy(state),
      training: structuredClone(training),
    };
    underWay = write({ ...copy, best: owed }).then(
      () => ended(undefined),
      (error: unknown) => ended({ error }),
    );
  }

  /** No step has been made since: one of a round's end must not be replaced by one of the next round's beginning. */
  const isHeld = ({ facts: { step, midRound } }: Contents) =>
    !failed && !owed && held.step === step && (midRound === true || held.midRound !== true);

  return {
    best: async ({ weights, facts, vocabulary }) => {
      if (isBestRead) await underWay; // the memory is free when it ends, and only then
      owed = { weights: bestCopy(weights), facts, vocabulary };
    },
    offer: (contents) => {
      if (underWay || now() - begunAt < seconds) return;
      const made = contents();
      if (!isHeld(made)) begin(made);
    },
    save: async (contents) => {
      await underWay;
      if (!isHeld(contents)) begin(contents);
    },
    settled: async () => {
      await underWay;
      if (failed) throw failed.error;
    },
  };
}
