// Some of a stint's steps as the inputs of one run: lists of items and numbers of users, filled up to one size. Pure.
// Shapes: S steps, B users, N entries of a step's rows.
import { klWeightOf } from "../recipe.ts";
import type { InnerStep, Stint } from "../replica.ts";

/** How long a run's lists are: `steps` of them, and in each of them users and entries. */
export interface Sizes {
  readonly steps: number;
  readonly users: number;
  readonly entries: number;
}

/** Updates of each half so far. */
export interface Updates {
  encoder: number;
  decoder: number;
}

/** A step, and which of the stint's users are its own. */
export interface Span {
  readonly step: InnerStep;
  readonly from: number;
  readonly to: number;
}

export function spansOf(inner: readonly InnerStep[]): Span[] {
  let to = 0;
  return inner.map((step) => {
    const from = to;
    to += step.users;
    return { step, from, to };
  });
}

const entryBefore = ({ ends }: Stint, user: number) => ends[user - 1] ?? 0;
export const entriesOf = (stint: Stint, { from, to }: Span) => entryBefore(stint, to) - entryBefore(stint, from);

/** Room for the lists of a run. */
export function listsOf({ steps, users, entries }: Sizes) {
  const ints = (each: number) => new Int32Array(steps * each);
  const floats = (each: number) => new Float32Array(steps * each);
  return {
    columns: ints(entries),
    owners: ints(entries),
    starts: ints(users),
    keys: ints(users),
    counts: floats(users),
    share: floats(users),
    klShare: floats(users),
  };
}

/**
 * The inputs of shared/neural/graph/replica-program.ts, `[S, ...]` of each. `lists` may hold those of another run: what
 * is left of them fills up, and counts nothing.
 */
export function inputsOf(
  stint: Stint,
  spans: readonly Span[],
  { steps, users, entries }: Sizes,
  lists: ReturnType<typeof listsOf>,
  seed: number,
  updates: Updates,
) {
  const { config, columns, ends, keys, batchSize } = stint;
  const inputs = {
    ...lists,
    entryCount: new Int32Array(steps),
    dropout: new Float32Array(steps),
    seedLow: new Int32Array(steps).fill(seed | 0),
    seedHigh: new Int32Array(steps).fill(Math.floor(seed / 2 ** 32)),
    step: new Int32Array(steps),
    part: new Float32Array(steps),
  };
  for (const each of [lists.counts, lists.share, lists.klShare]) each.fill(0);
  spans.forEach((span, s) => {
    const { step, from, to } = span;
    const first = entryBefore(stint, from);
    const count = to - from;
    inputs.columns.set(columns.subarray(first, entryBefore(stint, to)), s * entries);
    inputs.keys.set(keys.subarray(from, to), s * users);
    inputs.entryCount[s] = entriesOf(stint, span);
    inputs.step[s] = step.step;
    inputs.dropout[s] = step.dropout ? 1 : 0;
    inputs.part[s] = count / batchSize;
    for (let user = 0; user < count; user++) {
      const [start, end] = [entryBefore(stint, from + user) - first, ends[from + user]! - first];
      const at = s * users + user;
      inputs.owners.fill(user, s * entries + start, s * entries + end);
      inputs.starts[at] = start;
      inputs.counts[at] = end - start;
      inputs.share[at] = 1 / count;
      inputs.klShare[at] = klWeightOf(config, end - start, 0) / count;
    }
  });
  return { ...inputs, ...ratesOf(spans.length, steps, updates) };
}

/** Of each half's Adam, step by step, what makes TensorFlow's the one of PyTorch: its epsilon is scaled like v. */
function ratesOf(count: number, steps: number, updates: Updates) {
  return Object.fromEntries(
    (["encoder", "decoder"] as const).flatMap((half) => {
      const times = Array.from({ length: steps }, (_, k) => updates[half] + 1 + Math.min(k, count - 1));
      return [
        [`${half}Beta1`, Float32Array.from(times, (t) => 0.9 ** t)],
        [`${half}Beta2`, Float32Array.from(times, (t) => 0.999 ** t)],
        [`${half}Epsilon`, Float32Array.from(times, (t) => 1e-8 * Math.sqrt(1 - 0.999 ** t))],
      ];
    }),
  );
}

/** Users of which a run's lists hold the most. */
export const mostUsers = (spans: readonly Span[]) => spans.reduce((most, { from, to }) => Math.max(most, to - from), 0);

/** Sizes that are compiled for: few of them, at most an eighth too long. */
export function roomFor(count: number, least: number): number {
  const eighth = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, count - 1))) - 3);
  return Math.max(least, Math.ceil(count / eighth) * eighth);
}
