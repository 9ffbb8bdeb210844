// A training run without sockets: every lease and every answer passes through the same bytes and the same checks as on the wire. For the tests of what a run does.
import { finiteChecked, receivedOf, shapesChecked } from "../../services/server/contributions.ts";
import type { Work } from "../../services/server/desk.ts";
import { Optimizer } from "../../services/server/optimizer.ts";
import { type Run, type RunStep, trainOuterEpoch } from "../../services/server/outer-epoch.ts";
import { Posteriors } from "../../services/server/posteriors.ts";
import { Computer } from "../../services/trainer/compute.ts";
import type { Engine } from "../../shared/engine/engine.ts";
import type { ModelConfig } from "../../shared/model/config.ts";
import { initialise } from "../../shared/model/parameters.ts";
import { type Schedule, usualSchedule } from "../../shared/model/schedule.ts";
import { assembler, type Decoded, encode } from "../../shared/wire/frames.ts";
import { type FromServer, fromServer, type Lease, read } from "../../shared/wire/messages.ts";

interface Wanted {
  readonly config: ModelConfig;
  readonly rows: readonly Int32Array[];
  readonly seed: number;
  readonly epochs: number;
  /** Differences from the authors' own. */
  readonly schedule?: Partial<Schedule>;
  readonly partSize?: number;
}

/** `seen` is told of each step before it is computed. */
export async function train(
  engine: Engine,
  { config, rows, seed, epochs, schedule, partSize = 2 }: Wanted,
  seen: (work: Work, run: Run) => void = () => {},
): Promise<Run> {
  const run: Run = {
    seed,
    schedule: { ...usualSchedule, ...schedule },
    partSize,
    optimizer: new Optimizer(config, initialise(config, seed)),
    posteriors: new Posteriors(config.latent),
    step: 0,
    round: 0,
  };
  const runStep = inProcess(engine, seed, (work) => seen(work, run));
  const users = Uint32Array.from(rows.keys());
  for (let epoch = 0; epoch < epochs; epoch++) await trainOuterEpoch(run, users, (user) => rows[user]!, runStep);
  return run;
}

/** `seen` is told of each step before it is computed. */
export function inProcess(engine: Engine, seed: number, seen: (work: Work) => void): RunStep {
  const computer = new Computer(engine, seed);
  const held = { hidden: -1, decoder: -1 };
  return async (work) => {
    seen(work);
    for (const group of ["hidden", "decoder"] as const) {
      const wanted = work[group];
      if (!wanted || held[group] === wanted.version) continue;
      const { version, model } = wanted;
      const message = received(encode({ type: "weights", group, version, model }, wanted.tensors()));
      computer.take(read(fromServer, message) as FromServer & { type: "weights" }, message.tensors());
      held[group] = wanted.version;
    }
    const { step, phase, batchSize } = work;
    const versions = { hidden: work.hidden.version, decoder: work.decoder?.version ?? null };
    return work.parts.map((users, part) => {
      const lease: Lease = { type: "lease", step, part, phase, batchSize, versions };
      const { head, tensors } = computer.answer(lease, received(encode(lease, work.inputs(part))).tensors());
      const answer = received(encode(head, tensors));
      shapesChecked(head, answer.described, work.config, users.length);
      const checked = receivedOf(head, answer, work.memory?.(part));
      finiteChecked(checked, step);
      return checked;
    });
  };
}

function received(frames: readonly Uint8Array[]): Decoded {
  const take = assembler(() => 1e9);
  const [message] = frames.flatMap((frame) => take(frame) ?? []);
  if (!message) throw new Error("the frames hold no whole message");
  return message;
}
