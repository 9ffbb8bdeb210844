// One trial as a process of its own: `tributary train` into the trial's folder, watched until it ends or its time is
// up. The adapter between plan and processes.
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { spawnService } from "../../../shared/runtime/spawn.ts";
import { type Attempt, attemptOf, folderOf, type Result, record, resultOf, trainedOf } from "./ledger.ts";
import type { Trial } from "./plan.ts";
import { type End, newestLine, outcomeOf } from "./verdict.ts";

export interface Workplace {
  readonly out: string;
  readonly data: string;
  /** Trainer processes of a neural trial. */
  readonly trainers: number;
  readonly until: Until;
  /** Told every second what a running trial said last. */
  readonly heard: (id: string, line: string) => void;
}

const LOOK_MS = 1_000;
/** For the checkpoint of a large model to be written. */
const GRACE_MS = 60_000;

/** Undefined when it was interrupted: the next run goes on with it. */
export async function runTrial(trial: Trial, place: Workplace): Promise<Result | undefined> {
  const { out, until } = place;
  const dir = folderOf(out, trial.id);
  const log = join(dir, "log.txt");
  await mkdir(dir, { recursive: true });
  const before = await attemptOf(out, trial.id);
  if (before?.outcome !== "interrupted") await rm(log, { force: true });
  // What is solved begins anew; a neural run goes on from its checkpoint, and its time with it.
  const isResumed = before?.outcome === "interrupted" && trial.entry.kind === "neural";
  const earlierSeconds = isResumed ? before.seconds : 0;
  const startedAt = performance.now();
  const seconds = () => earlierSeconds + (performance.now() - startedAt) / 1000;
  const limit = hardLimitOf(trial);
  const spawned = spawnService(trial.entry.kind === "blend" ? "blend" : "train", argumentsOf(trial, place), {
    log,
    quiet: true,
    trainers: trial.entry.kind === "neural" ? place.trainers : 1,
  });
  while (spawned.running) {
    await Promise.race([sleep(LOOK_MS, until.signal), spawned.exited]);
    place.heard(trial.id, newestLine(await tailOf(log)));
    if (seconds() > limit || until.signal.aborted) await spawned.stop(GRACE_MS);
  }
  const end: End = {
    code: await spawned.exited,
    seconds: seconds(),
    limit,
    wasAsked: until.signal.aborted,
    trained: await trainedOf(out, trial.id),
    lastWords: await tailOf(log),
  };
  const attempt: Attempt = { ...outcomeOf(trial, end), seconds: end.seconds };
  await record(trial, out, attempt);
  return resultOf(out, trial.id, false);
}

function argumentsOf(
  { id, entry, setting, seed, from, secondsLeft }: Trial,
  { out, data, trainers }: Workplace,
): string[] {
  const dir = folderOf(out, id);
  const begin = from.map(({ trial, flag }) => `${flag}=${folderOf(out, trial)}`);
  const where = ["--data", data, "--out", dir, ...begin, ...entry.flags, ...setting.flags];
  if (entry.kind === "blend") return where;
  const seeded = entry.isSeeded ? ["--seed", String(seed)] : [];
  const shared = entry.kind === "neural" ? ["--trainers", String(trainers)] : [];
  return [
    "--model",
    entry.model,
    "--data-dir",
    join(dir, "run"),
    "--time-limit",
    `${secondsLeft}s`,
    ...seeded,
    ...shared,
    ...where,
  ];
}

/**
 * Seconds after which the process is stopped. A run ends by itself before an epoch or a sweep that would take it beyond
 * its time; its first one may go beyond it, so that it can be said how long one takes, and so may its last test.
 */
const hardLimitOf = ({ secondsLeft }: Trial) => 1.25 * secondsLeft + 60;

const TAIL_BYTES = 4_096;

async function tailOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
