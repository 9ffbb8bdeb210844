// Local mode: in an outer step each trainer learns from up to K batches on its own; how far the trainers came is
// averaged by examples. What an exact step is in outer-epoch.ts, an outer step is here. Source: DiLoCo (Douillard et
// al. 2023), inner Adam, outer averaging.
import { joined } from "../../../shared/compute/pieces.ts";
import { exchanges, type Section, type Spent } from "../../../shared/compute/section-timer.ts";
import type { RowOf } from "../../../shared/corpus/corpus.ts";
import type { Step } from "../../../shared/neural/schedule.ts";
import { type Phase, phaseOf } from "../../../shared/training/phases.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import type { Received } from "../scheduler/contributions.ts";
import { base, keys, oldPosterior, ragged, rowsOf } from "./inputs.ts";
import type { Local, Run, RunStep } from "./run.ts";
import { batchesOf, remembered } from "./stint-length.ts";
import type { Came } from "./updater.ts";

/**
 * What each trainer does in the outer step that begins with step `at`: consecutive steps of one phase, `every` at
 * most. All outer steps that are left of a phase are of one length, as near as may be: in a short last one trainers
 * would have nothing to do.
 */
export function stintsOf(steps: readonly Step[], at: number, every: number, trainers: number): Step[][] {
  const end = steps.findIndex(({ phase }, k) => k > at && phase !== steps[at]!.phase);
  const left = (end < 0 ? steps.length : end) - at;
  const most = every * Math.max(1, trainers);
  const count = Math.ceil(left / Math.ceil(left / most));
  const stints = Math.min(Math.max(1, trainers), count);
  const from = (stint: number) => at + Math.floor((stint * count) / stints);
  return Array.from({ length: stints }, (_, k) => steps.slice(from(k), from(k + 1)));
}

/**
 * Users of a trainer's own steps: with its share of a batch N trainers take as many steps one after another as one
 * would. With whole batches they took 1 / N of them, and learned that much less in an outer epoch.
 */
export const ownBatchOf = (batchSize: number, trainers: number) => Math.ceil(batchSize / Math.max(1, trainers));

/** So many of them are a batch. */
export const ownSteps = (batchSize: number, ownBatch: number) => Math.max(1, Math.round(batchSize / ownBatch));

export interface Trained {
  readonly answers: readonly Received[];
  /** Users of each part, beside its answer. */
  readonly parts: readonly Uint32Array[];
}

export async function outerStep(
  run: Run,
  stints: readonly (readonly Step[])[],
  rowOf: RowOf,
  runStep: RunStep,
): Promise<Trained> {
  const { store, publisher } = run;
  const local = run.local!;
  const startedAt = local.now();
  const { phase } = stints[0]![0]!;
  const needsOld = phaseOf(phase).needs.includes("old");
  const beside = run.underWay?.old;
  const parts = stints.map((steps) => {
    const count = steps.reduce((sum, { users }) => sum + users.length, 0);
    return joined(
      new Uint32Array(count),
      steps.map(({ users }) => users),
    );
  });
  // On a device Adam moves all rows in each step, those too that no user holds: they come along then.
  const touched = touchedBy(parts, rowOf, store.config.items, beside !== undefined);
  const inputs = (part: number): WireTensor[] => {
    const users = parts[part]!;
    const { items } = touched[part]!;
    return [
      { name: "items", shape: [items.length], data: items },
      publisher.rows(items),
      ...ragged("columns", "ends", rowsOf(users, rowOf)),
      keys(users),
      ...(needsOld && !beside ? oldPosterior(run, users) : []),
    ];
  };
  const work = base(run, parts, publisher.group("hidden"));
  const answers = await runStep({
    ...work,
    phase,
    decoder: publisher.group("decoder"),
    ...(beside && { old: needsOld ? beside.sent : null }),
    inputs,
    steps: work.batchSize / run.schedule.batchSize,
    local: stints.map((steps, part) => ({
      inner: steps.map(({ index, users, dropout }) => ({ step: index, users: users.length, dropout })),
      rows: touched[part]!.items.length,
    })),
    memory: store.answers(
      beside ? parts.map(() => NOBODY) : parts, // nothing of the answer is a user's
      touched.reduce((most, { items }) => Math.max(most, items.length), 0),
    ),
    numbers: store.numbers,
  });
  const shares = stridden(parts.map(({ length }) => length));
  const came = answers.map(
    ({ tensors, finite }, part): Came => ({ tensors, finite, share: shares[part]!, touched: touched[part]! }),
  );
  run.updater.average(phase, came, run.step);
  const computing = answers.map(({ spent }) => arithmeticIn(spent));
  const at = local.now();
  const cost = {
    at,
    batches:
      Math.max(...stints.map(({ length }) => length)) / ownSteps(run.schedule.batchSize, run.underWay!.ownBatch!),
    ...{ seconds: at - startedAt, computing: Math.max(...computing) },
  };
  local.costs[phase] = remembered(local.costs[phase] ?? [], cost);
  return { answers, parts };
}

const NOBODY = new Uint32Array(0);

/** Seconds of a part that were no exchange. */
const arithmeticIn = (spent: Spent): number =>
  Object.entries(spent).reduce(
    (sum, [section, seconds]) => (exchanges.includes(section as Section) ? sum : sum + seconds),
    0,
  );

/** Batches of a stint of the phase, at most. */
export const everyOf = ({ every, costs }: Local, phase: Phase): number =>
  every === "auto" ? batchesOf(costs[phase] ?? []) : every;

/**
 * What of each trainer's way counts, by its examples. A mean of independent ways has less noise than one of them, by
 * the root of the sum of squared shares; an Adam that had seen all the examples at once would have spent that on going
 * so much further (its steps are lengths of signal over noise). So does the sum by these shares: N equal ones are 1 /
 * sqrt(N) each.
 */
function stridden(examples: readonly number[]): number[] {
  const length = Math.hypot(...examples);
  return examples.map((each) => each / length);
}

/**
 * The items that each part's users hold, or all, in the order of their columns, and what of each row's way counts, by
 * the users that hold the item; where nobody does, alike.
 */
function touchedBy(
  parts: readonly Uint32Array[],
  rowOf: RowOf,
  items: number,
  all: boolean,
): { items: Int32Array; shares: Float32Array }[] {
  if (all && parts.length === 1)
    return [{ items: Int32Array.from({ length: items }, (_, item) => item), shares: new Float32Array(items).fill(1) }];
  const counts = parts.map((users) => {
    const count_I = new Uint32Array(items);
    for (const user of users) {
      const row = rowOf(user);
      for (let k = 0; k < row.length; k++) count_I[row[k]!]!++;
    }
    return count_I;
  });
  const length_I = Float64Array.from({ length: items }, (_, item) =>
    Math.hypot(...counts.map((count_I) => count_I[item]!)),
  );
  return counts.map((count_I) => {
    const held = Int32Array.from(count_I.keys()).filter((item) => all || count_I[item]! > 0);
    const share = (item: number) => (length_I[item]! > 0 ? count_I[item]! / length_I[item]! : 1 / parts.length);
    return { items: held, shares: Float32Array.from(held, share) };
  });
}
