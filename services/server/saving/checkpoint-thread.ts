// The thread that encodes, hashes and writes checkpoints, one after another; see checkpoint-writer.ts.
import { parentPort, workerData } from "node:worker_threads";
import type { Known } from "../../../shared/checkpoints/pieces.ts";
import { plainError } from "../../../shared/errors/thread-errors.ts";
import { type Answer, type Target, writeJob } from "./checkpoint-writer.ts";
import type { Job } from "./checkpointing.ts";

const port = parentPort!;
const { target } = workerData as { target: Target };
const known: Known = new Map();
const answer = (how: Answer) => port.postMessage(how);

port.on("message", (job: Job) => {
  void writeJob(target, job, undefined, known).then(
    () => answer(null),
    (error: unknown) => answer(plainError(error)),
  );
});
