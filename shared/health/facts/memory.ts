// What must be remembered between two looks at the flow: a step that stands still, rates, a trainer that is gone. Pure.
import type { Flow } from "./flow.ts";

export interface Memory {
  readonly step: number | null;
  readonly stepAt: number;
  /** When messages began to wait; null while none does, or for a single look. */
  readonly lagSince: number | null;
  readonly requests: readonly Counted[];
  /** Contributions of trainers that the server took. */
  readonly batches: readonly Counted[];
  /** The most that were connected at once lately, and when that was so last. */
  readonly trainers: { readonly most: number; readonly at: number };
}

/** What a count was, and when. */
interface Counted {
  readonly at: number;
  readonly n: number;
}

export const noMemory: Memory = {
  step: null,
  stepAt: 0,
  lagSince: null,
  requests: [],
  batches: [],
  trainers: { most: 0, at: 0 },
};

/** Ms that rates are measured over. */
const WINDOW = 10_000;
/** Ms for which a trainer that left is missed. */
const MISSING = 300_000;

/** After one more look. */
export function after(memory: Memory, flow: Flow): Memory {
  const step = flow.server?.status?.step ?? null;
  const training = flow.server?.status?.state === "training";
  const connected = flow.server?.status?.trainers.length ?? 0;
  const isForgotten = connected >= memory.trainers.most || flow.now - memory.trainers.at > MISSING;
  return {
    step,
    stepAt: training && step === memory.step ? memory.stepAt : flow.now,
    lagSince: (flow.ingest?.status?.lag?.messages ?? 0) > 0 ? (memory.lagSince ?? flow.now) : null,
    requests: counted(memory.requests, flow.serve?.status?.requests ?? null, flow.now),
    batches: counted(memory.batches, flow.server?.status?.contributions?.accepted ?? null, flow.now),
    trainers: isForgotten ? { most: connected, at: flow.now } : memory.trainers,
  };
}

/** A count that has fallen is another process's. */
function counted(before: readonly Counted[], n: number | null, now: number): Counted[] {
  if (n === null) return [];
  const kept = n < (before.at(-1)?.n ?? 0) ? [] : before.filter(({ at }) => now - at <= WINDOW);
  return [...kept, { at: now, n }];
}

/** After the clock was set by so many ms: what passed since is as long as it was. */
export function moved<M extends Memory>(memory: M, by: number): M {
  if (by === 0) return memory;
  const all = (counts: readonly Counted[]) => counts.map(({ at, n }) => ({ at: at + by, n }));
  const { stepAt, lagSince, requests, batches, trainers } = memory;
  return {
    ...memory,
    stepAt: stepAt + by,
    lagSince: lagSince === null ? null : lagSince + by,
    requests: all(requests),
    batches: all(batches),
    trainers: { ...trainers, at: trainers.at + by },
  };
}

/** Null until two looks lie at least a second apart. */
export const requestsPerSecond = ({ requests }: Memory): number | null => perSecond(requests);
export const batchesPerSecond = ({ batches }: Memory): number | null => perSecond(batches);

function perSecond(counts: readonly Counted[]): number | null {
  const [first, last] = [counts[0], counts.at(-1)];
  if (!first || !last || last.at - first.at < 900) return null;
  return (last.n - first.n) / ((last.at - first.at) / 1000);
}
