// One outer epoch, in the order of thought: old posteriors, then every step of the schedule, the snapshot for the next
// round. Every step is cut into parts that scheduler.ts leases. Source: docs/design/recvae.md#schedule.
import { joined } from "../../../shared/compute/pieces.ts";
import type { RowOf } from "../../../shared/corpus/corpus.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { annealed, bagWidth, passOfCritic, usesOldPosterior } from "../../../shared/neural/recipe.ts";
import { outerEpoch, partsOf, type Step } from "../../../shared/neural/schedule.ts";
import type { HeldOutUser } from "../../../shared/ranking/evaluate.ts";
import { cpu } from "../../../shared/runtime/cpu.ts";
import { scored } from "../../../shared/training/messages.ts";
import { phaseOf } from "../../../shared/training/phases.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import { allOf, bagTensor, base, batchOf, keys, oldPosterior, ragged, rowsOf } from "./inputs.ts";
import { everyOf, outerStep, ownBatchOf, ownSteps, stintsOf, type Trained } from "./outer-step.ts";
import { firstOldEncoder, firstOldOf, type OldEncoder, oldEncoderOf } from "./publisher.ts";
import type { Loss, Run, RunStep, UnderWay } from "./run.ts";

/** How far an outer epoch is. */
export interface Standing {
  /** Steps done, of so many. */
  readonly step: number;
  readonly steps: number;
  /** Users of the steps that are done; of each pass all. */
  readonly users: number;
  /** Loss so far; null before the first step that has one. */
  readonly loss: Loss | null;
}

/**
 * Trains on `users`, or goes on with the outer epoch that is under way, and returns the loss. Between any two steps,
 * and when it throws, `run` is whole: nothing is half applied, and a checkpoint of it goes on from there. `between` is
 * called there, and told how far it is.
 */
export async function trainOuterEpoch(
  run: Run,
  users: Uint32Array,
  rowOf: RowOf,
  runStep: RunStep,
  between: (standing: Standing) => void = () => {},
): Promise<Loss> {
  run.underWay ??= await begun(run, users, rowOf, runStep);
  const { firstStep, sums, ownBatch = run.schedule.batchSize, ...plan } = run.underWay;
  const schedule = { ...run.schedule, batchSize: ownBatch };
  const joint = passOfCritic(run.store.config, run.round);
  const steps = outerEpoch({ ...plan, seed: run.seed, epoch: run.round, firstStep, schedule, joint });
  const lastMove = steps.findLastIndex(({ phase }) => phaseOf(phase).moves.includes("encoder"));
  let done = steps.slice(0, run.step - firstStep).reduce((sum, { users: { length } }) => sum + length, 0);
  for (let at = run.step - firstStep; at < steps.length; at = run.step - firstStep) {
    between({ step: at, steps: steps.length, users: done, loss: meanOf(sums) });
    const step = steps[at]!;
    const { local } = run;
    const stints =
      local &&
      stintsOf(steps, at, everyOf(local, step.phase) * ownSteps(run.schedule.batchSize, ownBatch), local.trainers());
    const { answers, parts } = stints
      ? await outerStep(run, stints, rowOf, runStep)
      : await trainStep(run, step, rowOf, runStep);
    run.step += stints ? stints.flat().length : 1;
    for (const { users: of } of steps.slice(at, run.step - firstStep)) done += of.length;
    if (phaseOf(step.phase).isLoss) {
      const batchSize = parts.reduce((sum, { length }) => sum + length, 0);
      for (const { reconstruction, kl } of answers) {
        sums.reconstruction += reconstruction * batchSize;
        sums.kl += kl * batchSize;
      }
      sums.users += batchSize;
    }
    const isNextOld = phaseOf(step.phase).gives.includes("nextOld") && usesOldPosterior(run.store.config);
    if (isNextOld && !step.dropout && !run.underWay.old) remember(run, { answers, parts }, rowOf);
    // The snapshot: after the last step that moves it, the encoder stays as it is until the next round. No step of this
    // one asks for the old posteriors any more; what a decoder pass without dropout says of each user is the next
    // round's, which asks for those of all others.
    if (at <= lastMove && lastMove < run.step - firstStep) run.posteriors.clear();
  }
  mustBeFinite(run);
  run.underWay = undefined;
  run.round++;
  return { reconstruction: sums.reconstruction / sums.users, kl: sums.kl / sums.users };
}

const meanOf = ({ reconstruction, kl, users }: UnderWay["sums"]): Loss | null =>
  users === 0 ? null : { reconstruction: reconstruction / users, kl: kl / users };

async function begun(run: Run, users: Uint32Array, rowOf: RowOf, runStep: RunStep): Promise<UnderWay> {
  const old = usesOldPosterior(run.store.config) && (await run.local?.runsBeside()) ? oldEncoder(run) : undefined;
  if (!old) await completePosteriors(run, users, rowOf, runStep);
  // the same draws either way: the first round would have asked the old encoder in a step of its own
  else if (run.round === 0) run.step++;
  const ownBatch = run.local && ownBatchOf(run.schedule.batchSize, run.local.trainers());
  return { users, firstStep: run.step, sums: { reconstruction: 0, kl: 0, users: 0 }, ownBatch, old };
}

/** Whether the old encoder is an independent random one: no snapshot was taken yet. */
const isFirst = ({ round, from }: Run) => round === 0 && from === undefined;

const oldEncoder = (run: Run): OldEncoder => {
  const { store, publisher, seed } = run;
  return isFirst(run)
    ? firstOldOf(store.config, seed, publisher.wire)
    : oldEncoderOf(store.weights, store.config, publisher.wire);
};

/**
 * Finite gradients can still carry a weight beyond float32's end: what must not become a checkpoint ends the run here.
 * Throws NOT_FINITE.
 */
export function mustBeFinite({ store, step }: Run): void {
  const poisoned = store.findNonFinite();
  if (poisoned !== undefined)
    throw new AppError("NOT_FINITE", { what: `tensor ${poisoned} holds a NaN or an infinity`, step: step - 1 });
}

/**
 * Users of whom the last round left no posterior of this very row: one forward pass of the old encoder, which the
 * encoder still is. Only for the prior that asks for them.
 */
async function completePosteriors(run: Run, users: Uint32Array, rowOf: RowOf, runStep: RunStep): Promise<void> {
  if (!usesOldPosterior(run.store.config)) return;
  const unknown = users.filter((user) => !run.posteriors.has(user, rowOf(user).length));
  if (unknown.length === 0) return;
  const { store, publisher } = run;
  const old = isFirst(run)
    ? firstOldEncoder(store.config, run.seed, publisher.wire)
    : { bag: store.bag.bind(store), hidden: publisher.group("hidden") };
  const parts = cut(unknown, run.partSize);
  const inputs = (part: number) => {
    const rows = rowsOf(parts[part]!, rowOf);
    return [bagTensor(old.bag(allOf(store.config, rows)), rows.length)];
  };
  const answers = await runStep({ ...base(run, parts, old.hidden), phase: "posterior", decoder: undefined, inputs });
  remember(run, { answers, parts }, rowOf);
  run.step++;
}

/** One step of the half that its phase names, or of both. */
async function trainStep(run: Run, step: Step, rowOf: RowOf, runStep: RunStep): Promise<Trained> {
  const { store, updater, publisher } = run;
  const parts = partsOf(step, run.partSize);
  const batches = cpu.in("plan", () => parts.map((users) => batchOf(run, step, users, rowOf)));
  // All parts' at once, before the first lease: later the processor's cores are the trainers'.
  const all = {
    rows: batches.flatMap(({ rows }) => rows),
    values: batches.flatMap(({ values }) => values),
    own: store.config.users > 0 ? step.users : undefined,
  };
  const width = bagWidth(store.config);
  const bags_BH = store.bag(all);
  const { needs, moves } = phaseOf(step.phase);
  const ofCritic = needs.includes("critic") ? run.critic!.tensors() : [];
  const inputs = (part: number): WireTensor[] => {
    const [users, { rows }] = [parts[part]!, batches[part]!];
    const from = part * run.partSize * width;
    const bag_BH = bags_BH.subarray(from, from + users.length * width);
    const old = needs.includes("old") ? oldPosterior(run, users) : [];
    return [bagTensor(bag_BH, users.length), ...ragged("columns", "ends", rows), keys(users), ...old, ...ofCritic];
  };
  const work = base(run, parts, publisher.group("hidden"));
  const answers = await runStep({
    ...work,
    phase: step.phase,
    beta: annealed(store.config, updater.updates.encoder),
    decoder: publisher.group("decoder"),
    inputs,
    memory: store.answers(parts),
    numbers: store.numbers,
  });
  updater.step(step.phase, answers, all, step.index);
  if (moves.includes("critic")) run.critic!.step(answers);
  return { answers, parts };
}

/**
 * Metrics of each held-out user, [users x 3] in the order of `scored`. Users without a target must have been left out.
 */
export async function scoreHeldOut(run: Run, heldOut: readonly HeldOutUser[], runStep: RunStep): Promise<Float32Array> {
  const { store, publisher } = run;
  const parts = cut(
    Uint32Array.from(heldOut, (_, k) => k),
    run.partSize,
  );
  const inputs = (part: number): WireTensor[] => {
    const users = [...parts[part]!].map((user) => heldOut[user]!);
    const rows = users.map(({ foldIn }) => foldIn);
    const targets = users.map(({ target }) => target);
    return [
      bagTensor(store.bag(allOf(store.config, rows)), rows.length),
      ...ragged("columns", "ends", rows),
      ...ragged("targets", "targetEnds", targets),
    ];
  };
  const work = base(run, parts, publisher.group("hidden"));
  const answers = await runStep({ ...work, phase: "score", decoder: publisher.group("decoder"), inputs });
  run.step++;
  return joined(
    new Float32Array(heldOut.length * scored.length),
    answers.map(({ tensors }) => tensors.metrics!.data),
  );
}

/** What the encoder says of the users, for the next round. */
function remember({ posteriors }: Run, { answers, parts }: Trained, rowOf: RowOf): void {
  answers.forEach(({ tensors: { mu, logvar } }, part) => {
    posteriors.set(parts[part]!, (user) => rowOf(user).length, mu!.data, logvar!.data);
  });
}

function cut(users: Uint32Array, size: number): Uint32Array[] {
  return Array.from({ length: Math.ceil(users.length / size) }, (_, k) => users.subarray(k * size, (k + 1) * size));
}
