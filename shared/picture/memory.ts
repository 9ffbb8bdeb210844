// What must be remembered between two looks at the flow: a step that stands still and requests per second are differences. Pure.
import type { Flow } from "./statuses.ts";

export interface Memory {
  readonly step: number | null;
  readonly stepAt: number;
  /** When messages began to wait; null while none does, or for a single look. */
  readonly lagSince: number | null;
  readonly requests: readonly { readonly at: number; readonly n: number }[];
}
export const noMemory: Memory = { step: null, stepAt: 0, lagSince: null, requests: [] };

const window = 10_000;

export function remember(memory: Memory, flow: Flow): Memory {
  const step = flow.server?.status?.step ?? null;
  const training = flow.server?.status?.state === "training";
  const n = flow.serve?.status?.requests ?? null;
  const restarted = n !== null && n < (memory.requests.at(-1)?.n ?? 0);
  const kept = n === null || restarted ? [] : memory.requests.filter(({ at }) => flow.now - at <= window);
  return {
    step,
    stepAt: training && step === memory.step ? memory.stepAt : flow.now,
    lagSince: (flow.ingest?.status?.lag?.messages ?? 0) > 0 ? (memory.lagSince ?? flow.now) : null,
    requests: n === null ? [] : [...kept, { at: flow.now, n }],
  };
}

/** Null until two looks lie at least a second apart. */
export function requestsPerSecond({ requests }: Memory): number | null {
  const [first, last] = [requests[0], requests.at(-1)];
  if (!first || !last || last.at - first.at < 900) return null;
  return (last.n - first.n) / ((last.at - first.at) / 1000);
}
