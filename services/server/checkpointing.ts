// When a checkpoint is made: at most every N seconds between two steps, at a round's end, at the end. The run pays for a copy; what writes it does so meanwhile, one at a time.
import type { Contents } from "../../shared/checkpoint/checkpoints.ts";
import type { ManifestFacts } from "../../shared/checkpoint/manifest.ts";
import { spareCopy } from "./spare-copy.ts";

export interface Job extends Contents {
  /** Its weights become the model of the best epoch too. */
  readonly isBest?: boolean;
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
  /** Between two steps: makes one if it is time and none is under way. What making `contents` throws ends the run. */
  offer(contents: () => Contents): void;
  /** Makes one, after the one under way. Resolves when the copy is taken: the run may go on. */
  save(job: Job): Promise<void>;
  /** Everything is on disk. Throws why the last one is not. */
  settled(): Promise<void>;
}

type Position = Pick<ManifestFacts, "step" | "midRound">;

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
  const copy = spareCopy();
  let last: Job | undefined;
  let held: Position = from ?? { step: 0 }; // of a run without a step there is nothing to keep
  let failed: { error: unknown } | undefined;
  let underWay: Promise<void> | undefined;
  let begunAt = now();

  function begin(job: Job): void {
    const { step, round } = job.facts;
    const startedAt = now();
    const ended = (failure: typeof failed) => {
      failed = failure;
      underWay = undefined;
      told({ step, round, seconds: now() - startedAt, error: failure?.error });
    };
    last = job;
    held = job.facts;
    begunAt = startedAt;
    underWay = write(job).then(
      () => ended(undefined),
      (error: unknown) => ended({ error }),
    );
  }

  /** The model of the best epoch that could not be written: there is no other copy of it. */
  const owed = () => (failed && last?.isBest ? last : undefined);
  /** No step has been made since: one of a round's end must not be replaced by one of the next round's beginning. */
  const isHeld = ({ facts: { step, midRound } }: Job) => !failed && held.step === step && (midRound === true || held.midRound !== true);

  return {
    offer: (contents) => {
      if (underWay || now() - begunAt < seconds) return;
      const [again, job] = [owed(), contents()];
      if (again) begin(again);
      else if (!isHeld(job)) begin(copy(job));
    },
    save: async (job) => {
      await underWay;
      if (owed() && !job.isBest) {
        begin(owed()!);
        await underWay;
        if (owed()) return;
      }
      if (!isHeld(job)) begin(copy(job));
    },
    settled: async () => {
      await underWay;
      if (failed) throw failed.error;
    },
  };
}
