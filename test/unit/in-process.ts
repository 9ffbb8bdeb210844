// A training run without sockets: every lease and every answer passes through the same bytes and the same checks as on
// the wire. For the tests of what a run does.

import { trainOuterEpoch } from "../../services/server/run/outer-epoch.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Loss, Run, RunStep } from "../../services/server/run/run.ts";
import { notFiniteIn, receivedOf, shapesChecked } from "../../services/server/scheduler/contributions.ts";
import { versionsOf, type Work } from "../../services/server/scheduler/scheduler.ts";
import { Computer } from "../../services/trainer/compute.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { latentOf, type Recipe } from "../../shared/neural/recipe.ts";
import { type Schedule, usualSchedule } from "../../shared/neural/schedule.ts";
import { assembler, type Decoded, encode } from "../../shared/training/frames.ts";
import { type FromServer, fromServer, type Lease, read } from "../../shared/training/messages.ts";
import { asSent, type Wire } from "../../shared/training/numbers.ts";
import { sentWhole } from "../../shared/training/phases.ts";

interface Wanted {
  readonly config: Recipe;
  readonly rows: readonly Int32Array[];
  readonly seed: number;
  readonly epochs: number;
  /** Differences from the authors' own. */
  readonly schedule?: Partial<Schedule>;
  readonly partSize?: number;
  /** See shared/compute/kernels/table.ts. */
  readonly segmentBytes?: number;
  /** In exact mode; each has its own of everything but the engine. */
  readonly trainers?: number;
  /** Local mode, by so many trainers. */
  readonly local?: { readonly every: number | "auto"; readonly trainers: number; readonly areResident?: boolean };
  readonly wire?: Wire;
}

/** `seen` is told of each step before it is computed. */
export async function train(
  engine: Engine,
  { config, rows, seed, epochs, schedule, partSize = 2, segmentBytes, trainers, local, wire = "f32" }: Wanted,
  seen: (work: Work, run: Run) => void = () => {},
): Promise<Run> {
  const run: Run = {
    seed,
    schedule: { ...usualSchedule, ...schedule },
    partSize,
    ...openParameters(config, initialise(config, seed), { segmentBytes, wire }),
    posteriors: new Posteriors(latentOf(config)),
    step: 0,
    round: 0,
    ...(local && {
      local: {
        ...{ every: local.every, costs: {}, trainers: () => local.trainers, now: () => performance.now() / 1000 },
        runsBeside: async () => local.areResident ?? false,
      },
    }),
  };
  await trainOn(engine, run, rows, epochs, (work) => seen(work, run), trainers);
  return run;
}

/** More epochs of a run, whose model may have grown, or come from a checkpoint. */
export async function trainOn(
  engine: Engine,
  run: Run,
  rows: readonly Int32Array[],
  epochs: number,
  seen: (work: Work) => void = () => {},
  trainers = run.local?.trainers(),
): Promise<Loss[]> {
  const runStep = inProcess(engine, run.seed, seen, trainers);
  const users = Uint32Array.from(rows.keys());
  const losses: Loss[] = [];
  while (losses.length < epochs) losses.push(await trainOuterEpoch(run, users, (user) => rows[user]!, runStep));
  return losses;
}

/** Part k of every step is trainer k's, as long as there are so many. */
export function inProcess(engine: Engine, seed: number, seen: (work: Work) => void, trainers = 1): RunStep {
  const computers = Array.from({ length: trainers }, () => new Computer(engine, seed));
  const held = { hidden: -1, decoder: -1, old: -1 };
  return async (work) => {
    seen(work);
    for (const group of sentWhole) {
      const wanted = work[group];
      if (!wanted || held[group] === wanted.version) continue;
      const { version, model } = wanted;
      const message = received(encode({ type: "weights", group, version, model }, wanted.tensors()));
      for (const computer of computers)
        computer.take(read(fromServer, message) as FromServer & { type: "weights" }, message.tensors());
      held[group] = wanted.version;
    }
    const { step, phase, batchSize, beta } = work;
    const versions = versionsOf(work);
    return work.parts.map((users, part) => {
      const local = work.local?.[part];
      const lease: Lease = {
        type: "lease",
        step,
        part,
        phase,
        batchSize,
        beta,
        versions,
        ...(local && { inner: [...local.inner] }),
      };
      const made = computers[part % trainers]!.answer(lease, received(encode(lease, work.inputs(part))).tensors());
      const head = { ...made.head, times: { data: 0, compute: 0, push: 0, wait: 0, pull: 0 } };
      const { wire = "f32" } = work;
      const sent = made.tensors.map((tensor) => asSent(tensor, wire, engine.kernels));
      const answer = received(encode(head, sent));
      shapesChecked(head, answer.described, work.config, users.length, {
        ...{ rows: local?.rows, wire, says: work.old === undefined },
      });
      const checked = receivedOf(head, answer, work.memory?.(part), work.numbers);
      if (notFiniteIn(checked, work.numbers) !== undefined)
        throw new AppError("NOT_FINITE", { what: "an answer is not finite", step });
      return { ...checked, finite: true };
    });
  };
}

function received(frames: readonly Uint8Array[]): Decoded {
  const take = assembler(() => 1e9);
  const [message] = frames.flatMap((frame) => take(frame) ?? []);
  if (!message) throw new Error("the frames hold no whole message");
  return message;
}
