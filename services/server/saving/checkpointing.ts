// When a checkpoint is made: at most every N seconds between two steps, at a round's end, at the end. The run pays for
// a copy of what changed since the last one; what writes it does so meanwhile, one at a time. The best epoch's model
// goes with it: until the next checkpoint there is only a copy of it in memory, and a run that dies before computes
// that epoch again.
import type { Contents } from "../../../shared/checkpoints/checkpoints.ts";
import type { ManifestFacts } from "../../../shared/checkpoints/manifest.ts";
import type { Piece } from "../../../shared/checkpoints/pieces.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";
import { spareCopy } from "./spare-copy.ts";

/**
 * Bytes a second that checkpoints between two steps write on average, at most: where what changes in N seconds is more
 * than that, the next one is later.
 */
const PACE = 3e6;

/** What a checkpoint is made of; pieces may lie in memory that need not be copied while it is lent. */
export type Given = Omit<Contents, "pieces"> & {
  readonly pieces?: readonly (Piece & { lend?(): () => void })[] | undefined;
};

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
  /** Of the copy, which the next step waits for. */
  readonly pauseSeconds: number;
  /** Bytes of tensors that it wrote. */
  readonly bytes: number;
  /** Undefined once it is on disk. */
  readonly error: unknown;
}

export interface Checkpointing {
  /**
   * Takes a copy of the best epoch's model, which the next checkpoint brings to the disk. Resolves when it is taken.
   */
  best(model: Best): Promise<void>;
  /** Between two steps: makes one if it is time and none is under way. What making `contents` throws ends the run. */
  offer(contents: () => Given): void;
  /** Makes one, after the one under way. Resolves when the copy is taken: the run may go on. */
  save(contents: Given): Promise<void>;
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
  /** Seconds too, of a clock that pauses are measured by. */
  watch?(): number;
}

export function openCheckpointing({ seconds, from, write, told, now, watch = stopwatch }: Settings): Checkpointing {
  const [ofWeights, ofState, ofBest] = [spareCopy(), spareCopy(), spareCopy()];
  /** Of the copies' memory, until the first is taken. */
  let preparing: Iterator<void> | undefined;
  let isCopied = false;
  let owed: Best | undefined;
  let held: Position = from ?? { step: 0 }; // of a run without a step there is nothing to keep
  let failed: { error: unknown } | undefined;
  let underWay: Promise<void> | undefined;
  let isBestRead = false;
  let dueAt = now() + seconds;
  /** Revision of each piece of the newest checkpoint on disk. */
  let onDisk: ReadonlyMap<string, number> = new Map();

  function begin(contents: Given, pausedAt: number): void {
    const { weights, state, pieces = [], training, facts } = contents;
    const startedAt = now();
    const lent: (() => void)[] = [];
    isCopied = true;
    const taken = pieces.map(({ name, revision, tensors, lend }): Piece => {
      if (onDisk.get(name) === revision) return { name, revision };
      if (lend) lent.push(lend());
      return { name, revision, tensors: lend ? tensors : ofState.copy(tensors!) };
    });
    const copy = {
      ...contents,
      weights: ofWeights.copy(weights),
      state: ofState.copy(state),
      pieces: taken,
      training: structuredClone(training),
    };
    const written = [copy.weights, copy.state, ...taken.map(({ tensors = {} }) => tensors), owed?.weights ?? {}];
    const bytes = written.reduce((sum, each) => sum + bytesOf(each), 0);
    const pauseSeconds = watch() - pausedAt;
    const ended = (failure: typeof failed) => {
      if (isBestRead && !failure) owed = undefined;
      isBestRead = false;
      failed = failure;
      underWay = undefined;
      // nothing is known of what a write that failed has left
      onDisk = new Map(failure ? [] : taken.map(({ name, revision }) => [name, revision]));
      for (const giveBack of lent) giveBack();
      const { step, round } = facts;
      told({ step, round, seconds: now() - startedAt, pauseSeconds, bytes, error: failure?.error });
    };
    held = facts;
    dueAt = startedAt + Math.max(seconds, bytes / PACE);
    isBestRead = owed !== undefined;
    underWay = write({ ...copy, best: owed }).then(
      () => ended(undefined),
      (error: unknown) => ended({ error }),
    );
  }

  function* ready({ weights, pieces = [] }: Given): Generator<void> {
    yield* ofWeights.ready(weights);
    for (const { tensors, lend } of pieces) if (!lend) yield* ofState.ready(tensors!);
  }

  /** No step has been made since: one of a round's end must not be replaced by one of the next round's beginning. */
  const isHeld = ({ facts: { step, midRound } }: Given) =>
    !failed && !owed && held.step === step && (midRound === true || held.midRound !== true);

  return {
    best: async ({ weights, facts, vocabulary }) => {
      if (isBestRead) await underWay; // the memory is free when it ends, and only then
      owed = { weights: ofBest.copy(weights), facts, vocabulary };
    },
    offer: (contents) => {
      if (underWay || now() < dueAt) {
        preparing ??= ready(contents());
        if (!isCopied) preparing.next();
        return;
      }
      const pausedAt = watch();
      const made = contents();
      if (!isHeld(made)) begin(made, pausedAt);
    },
    save: async (contents) => {
      await underWay;
      if (!isHeld(contents)) begin(contents, watch());
    },
    settled: async () => {
      await underWay;
      if (failed) throw failed.error;
    },
  };
}

const stopwatch = () => performance.now() / 1000;

const bytesOf = (tensors: Weights): number =>
  Object.values(tensors).reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
