// What must be remembered between two looks at the flow: a step that stands still, rates, a trainer that is gone, problems that come and go. Pure. remember.ts looks.
import type { Recent } from "./recent.ts";

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
  readonly recent: readonly Recent[];
}

/** What a count was, and when. */
export interface Counted {
  readonly at: number;
  readonly n: number;
}
export const noMemory: Memory = {
  ...{ step: null, stepAt: 0, lagSince: null, requests: [], batches: [] },
  trainers: { most: 0, at: 0 },
  recent: [],
};

/** After the clock was set by so many ms: what passed since is as long as it was. */
export function moved(memory: Memory, by: number): Memory {
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
