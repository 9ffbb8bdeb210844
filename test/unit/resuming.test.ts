// A run that is stopped at any step, or killed at any operation of the disk, and started again ends with the bytes and
// the figures of one that was never stopped.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Progress } from "../../services/server/progress.ts";
import { trainEpochs } from "../../services/server/run/epochs.ts";
import { checkpointsOf, writeJob } from "../../services/server/saving/checkpoint-writer.ts";
import { type Outcome, openCheckpointing } from "../../services/server/saving/checkpointing.ts";
import { resumeOrBegin } from "../../services/server/saving/persistence.ts";
import { listCheckpoints, newestCheckpoint } from "../../shared/checkpoints/checkpoints.ts";
import type { Disk } from "../../shared/checkpoints/disk.ts";
import type { Known, NamedPiece } from "../../shared/checkpoints/pieces.ts";
import { permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import type { Corpus } from "../../shared/corpus/corpus.ts";
import { type Schedule, usualSchedule } from "../../shared/neural/schedule.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { defaults } from "../../shared/systems/recvae/settings.ts";
import { inProcess } from "./in-process.ts";
import { cuts, Killed } from "./mortal-disk.ts";
import { mortalFolder } from "./mortal-folder.ts";

const ITEMS = 12;
/** With it and the rate below each of the first five epochs is better than the one before. */
const SEED = 4;
const row = (user: number) => Int32Array.from(permutation(5, user, ITEMS).subarray(0, 2 + (user % 5)));
const heldOut = [20, 21, 22].map((user) => ({
  user: `u${user}`,
  foldIn: row(user),
  target: Int32Array.of(user % ITEMS),
}));
const corpus: Corpus = {
  name: "made up",
  vocabulary: Array.from({ length: ITEMS }, (_, k) => `i${k}`),
  users: Uint32Array.from({ length: 7 }, (_, user) => user),
  rowOf: row,
  ...{ validation: heldOut, test: heldOut, leftOut: 0, leftOutWhy: "", salt: "", tableVersion: null, watermark: null },
};
const knobsOf = (schedule: Partial<Schedule>) => ({
  ...{
    hidden: 6,
    latent: 3,
    learningRate: 0.03,
    dropoutRate: 0.5,
    mixtureWeights: defaults.mixtureWeights,
    partSize: 2,
    seed: SEED,
  },
  ...{ sync: "exact" as const, every: 8 },
  ...{ ...usualSchedule, batchSize: 4, encoderPasses: 2, ...schedule },
});

const root = mkdtempSync(join(tmpdir(), "tributary-resuming-"));
afterAll(() => rmSync(root, { recursive: true }), 60_000);
let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ threads: 1 });
});

const metrics = createMetrics("test");
const log = pino({ level: "silent" });

interface Conditions {
  readonly epochs?: number;
  readonly schedule?: Partial<Schedule>;
  readonly disk?: Disk;
  /** Between checkpoints, by a clock that goes on whenever it is asked. */
  readonly seconds?: number;
  /** Steps wait for the disk: the same checkpoints each time. */
  readonly calm?: boolean;
  /** Before each step, by its number in this process; what it throws ends the run there. */
  readonly before?: (call: number, aborted: AbortController) => void;
  readonly told?: (outcome: Outcome) => void;
}

/** One process's part of a run; torn checkpoints fail the test. */
async function process(
  out: string,
  {
    epochs = 2,
    schedule = {},
    disk = mortalFolder(),
    seconds = 0,
    calm = false,
    before,
    told = () => {},
  }: Conditions = {},
) {
  const checkpoint = await newestCheckpoint(checkpointsOf(out), (error) => {
    throw error;
  });
  const resumed = resumeOrBegin(checkpoint, knobsOf(schedule), ITEMS);
  const aborted = new AbortController();
  let calls = 0;
  let clock = 0;
  let writing: Promise<void> = Promise.resolve();
  const known: Known = new Map();
  const compute = inProcess(engine, SEED, () => before?.(calls++, aborted));
  await trainEpochs({ epochs, out }, resumed, corpus, {
    patience: { waiting: null, through: async (_, work) => await work() },
    runStep: async (work) => {
      if (calm) await writing.catch(() => undefined);
      return compute(work);
    },
    progress: new Progress(metrics),
    checkpointing: openCheckpointing({
      ...{ seconds, from: checkpoint?.manifest, told },
      write: (job) => {
        writing = writeJob({ out, kept: 1 }, job, disk, known);
        return writing;
      },
      now: () => clock++,
    }),
    scheduler: () => ({ engines: new Set(["test"]), devices: new Set(["CPU"]), trainers: 1 }) as never,
    until: { signal: aborted.signal, stopped: new Promise(() => {}) },
    log,
  }).finally(() => writing.catch(() => undefined)); // what is being written ends before the next process begins
  return calls;
}

/** Model, newest checkpoint and report, but for what depends on the clock. */
async function endOf(out: string) {
  const newest = (await listCheckpoints(checkpointsOf(out))).at(-1)!;
  const bytes = (path: string) => readFileSync(path).toString("base64");
  const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
  for (const epoch of report.epochs) expect(epoch.seconds).toBeGreaterThanOrEqual(0);
  const untimed = report.epochs.map(({ seconds: _, usersPerSecond: __, ...epoch }: Record<string, unknown>) => epoch);
  const { pieces } = JSON.parse(readFileSync(join(newest, "manifest.json"), "utf8")) as { pieces: NamedPiece[] };
  const shared = new Set(readdirSync(join(checkpointsOf(out), "pieces")));
  for (const { file } of pieces) expect(shared).toContain(file);
  return {
    pieces, // each is named by what it holds
    files: [
      join(out, "model.safetensors"),
      ...["model", "state"].map((name) => join(newest, `${name}.safetensors`)),
    ].map(bytes),
    report: { ...report, epochs: untimed, wallSeconds: 0 },
  };
}
/** Of the many appends to a file the first and the last: the others differ in nothing. */
const telling = (operations: readonly string[]) =>
  [...operations.keys()].filter((k) => [k - 1, k, k + 1].some((each) => operations[each] !== "append"));
/** As long as only the end brings a checkpoint. */
const never = Number.POSITIVE_INFINITY;
/** On a machine with other work every turn of the disk may take long. */
const PATIENCE = 300_000;
const folder = () => mkdtempSync(join(root, "out-"));

const schedules: [string, Partial<Schedule>][] = [
  ["alternating", {}],
  ["with noise in the decoder passes", { decoderNoise: true }],
  ["with two decoder passes", { decoderPasses: 2 }],
  ["not alternating", { alternating: false }],
];

test.each(schedules)(
  "%s, drained before any step: the next process goes on from that very step",
  async (_, schedule) => {
    const clean = folder();
    const steps = await process(clean, { schedule });
    const expected = await endOf(clean);
    expect(expected.report.epochs).toHaveLength(2);
    for (let at = 0; at < steps; at++) {
      const out = folder();
      const drain = (call: number, aborted: AbortController) => {
        if (call < at) return;
        aborted.abort();
        throw aborted.signal.reason;
      };
      await expect(process(out, { schedule, before: drain, seconds: never })).rejects.toThrow("aborted");
      expect(await process(out, { schedule }), `drained before step ${at}`).toBe(steps - at);
      expect(await endOf(out), `drained before step ${at}`).toEqual(expected);
    }
  },
);

test.each(schedules)("%s, killed again and again, a few steps after each start", async (_, schedule) => {
  const clean = folder();
  await process(clean, { schedule });
  const out = folder();
  const kill = (call: number) => {
    if (call === 3) throw new Killed();
  };
  let kills = 0;
  while (
    await process(out, { schedule, before: kill }).then(
      () => false,
      (error) => error instanceof Killed,
    )
  )
    expect(kills++, "it gets further each time").toBeLessThan(50);
  expect(kills).toBeGreaterThan(3);
  expect(await endOf(out)).toEqual(await endOf(clean));
});

let base: string | undefined;
/** A folder in which a run has come through its first epoch. */
async function afterOneEpoch(): Promise<string> {
  if (base === undefined) {
    base = folder();
    await process(base, { epochs: 1 });
  }
  const copy = folder();
  cpSync(base, copy, { recursive: true });
  return copy;
}

/**
 * Two more epochs with a checkpoint in the middle of the second and one at the end: each brings a better model along.
 */
const onward = { epochs: 3, seconds: 8, calm: true };

test.each(cuts)(
  "%s: at whichever operation of the disk, a whole checkpoint is left, and the run ends with the same bytes",
  async (how) => {
    const clean = await afterOneEpoch();
    const whole = mortalFolder();
    await process(clean, { ...onward, disk: whole });
    const expected = await endOf(clean);
    expect(expected.report.best.epoch).toBe(3);
    for (const at of telling(whole.operations)) {
      const out = await afterOneEpoch();
      const disk = mortalFolder(at, how);
      const live = () => {
        if (disk.isDead) throw new Killed();
      };
      await process(out, { ...onward, disk, before: live }).catch((error) => {
        if (!(error instanceof Killed)) throw error;
      });
      expect(disk.isDead, `${how} ${at}`).toBe(true);
      await process(out, { epochs: 3, seconds: never });
      expect(await endOf(out), `${how} ${at}`).toEqual(expected);
    }
  },
  PATIENCE,
);

test(
  "a disk that is full once, at whichever operation, is told and made up for by the same process",
  async () => {
    const clean = await afterOneEpoch();
    const whole = mortalFolder();
    await process(clean, { ...onward, disk: whole });
    const expected = await endOf(clean);
    for (const at of telling(whole.operations)) {
      const out = await afterOneEpoch();
      let operation = 0;
      const refusing = Object.fromEntries(
        Object.entries(mortalFolder()).map(([name, work]) => [
          name,
          typeof work !== "function"
            ? work
            : (...given: [never, never]) =>
                operation++ === at
                  ? Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }))
                  : (work as Disk["append"])(...given),
        ]),
      ) as unknown as Disk;
      const errors: unknown[] = [];
      await process(out, { ...onward, disk: refusing, told: ({ error }) => error && errors.push(error) }).catch(
        (error) => {
          expect(error).toMatchObject({ code: "ENOSPC" }); // the last checkpoint of all
        },
      );
      expect(errors, `refused ${at}`).toEqual([expect.objectContaining({ code: "ENOSPC" })]);
      await process(out, { epochs: 3, seconds: never });
      expect(await endOf(out), `refused ${at}`).toEqual(expected);
    }
  },
  PATIENCE,
);
