// Writes checkpoints in a thread of its own: encoding, hashing, the disk. The run's thread hands over a copy in shared
// memory and hears how it went.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { saveCheckpoint, saveModel } from "../../../shared/checkpoints/checkpoints.ts";
import { type Disk, fenced, realDisk } from "../../../shared/checkpoints/disk.ts";
import type { Known } from "../../../shared/checkpoints/pieces.ts";
import { failure } from "../../../shared/errors/failure.ts";
import { errorOf, type PlainError } from "../../../shared/errors/thread-errors.ts";
import { mustStillHold } from "../../../shared/locks/lock.ts";
import type { Job } from "./checkpointing.ts";

/** Where it writes to. */
export interface Target {
  readonly out: string;
  /** Checkpoints that are kept. */
  readonly kept: number;
  /** Of the lock of `out`, see lock.ts: once it is gone, nothing there is replaced or removed any more. */
  readonly claim?: string | undefined;
}

export interface CheckpointWriter {
  /** One at a time. Rejects with why it is not on disk. */
  write(job: Job): Promise<void>;
  /** After the one under way. */
  close(): Promise<void>;
}

/** Null when all went well. */
export type Answer = PlainError | null;

export const checkpointsOf = (out: string) => join(out, "checkpoints");

/**
 * `known` is kept from one job to the next. The model first: a checkpoint that names a best epoch never stands beside
 * an older one's model.
 */
export async function writeJob(
  { out, kept, claim }: Target,
  { best, ...contents }: Job,
  unfenced: Disk = realDisk,
  known: Known = new Map(),
): Promise<void> {
  const disk = claim === undefined ? unfenced : fenced(unfenced, () => mustStillHold(claim));
  try {
    if (best) await saveModel(out, best.weights, best.facts, best.vocabulary, disk);
    await saveCheckpoint(checkpointsOf(out), contents, kept, disk, known);
  } catch (error) {
    known.clear(); // what is on disk now, and whether it stays there, nobody knows
    throw error;
  }
}

export function openCheckpointWriter(target: Target): CheckpointWriter {
  const worker = new Worker(new URL("../../../shared/runtime/thread.mjs", import.meta.url), {
    workerData: { module: new URL("./checkpoint-thread.ts", import.meta.url).href, target },
    execArgv: [],
  });
  const { failed, fail } = failure();
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`the thread that writes checkpoints ended with ${code}`)));
  let underWay: Promise<void> = Promise.resolve();
  return {
    write: (job) => {
      const answered = new Promise<void>((resolve, reject) => {
        worker.once("message", (answer: Answer) => (answer ? reject(errorOf(answer)) : resolve()));
      });
      worker.postMessage(job);
      underWay = Promise.race([answered, failed]);
      return underWay;
    },
    close: async () => {
      await underWay.catch(() => undefined); // told to whoever had it written
      await worker.terminate();
    },
  };
}
