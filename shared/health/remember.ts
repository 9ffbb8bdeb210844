// One look at the flow: what is remembered of it. Pure.
import { problemsOf } from "./health.ts";
import type { Counted, Memory } from "./memory.ts";
import { recall } from "./recent.ts";
import type { Flow } from "./statuses.ts";

const window = 10_000;
/** So long a trainer that left is missed. */
const missing = 300_000;

export function remember(memory: Memory, flow: Flow): Memory {
  const step = flow.server?.status?.step ?? null;
  const training = flow.server?.status?.state === "training";
  const connected = flow.server?.status?.trainers.length ?? 0;
  const isForgotten = connected >= memory.trainers.most || flow.now - memory.trainers.at > missing;
  const next = {
    step,
    stepAt: training && step === memory.step ? memory.stepAt : flow.now,
    lagSince: (flow.ingest?.status?.lag?.messages ?? 0) > 0 ? (memory.lagSince ?? flow.now) : null,
    requests: counted(memory.requests, flow.serve?.status?.requests ?? null, flow.now),
    batches: counted(memory.batches, flow.server?.status?.contributions?.accepted ?? null, flow.now),
    trainers: isForgotten ? { most: connected, at: flow.now } : memory.trainers,
    recent: memory.recent,
  };
  return { ...next, recent: recall(memory.recent, problemsOf(flow, next), flow.now) };
}

/** A count that has fallen is another process's. */
function counted(before: readonly Counted[], n: number | null, now: number): Counted[] {
  if (n === null) return [];
  const kept = n < (before.at(-1)?.n ?? 0) ? [] : before.filter(({ at }) => now - at <= window);
  return [...kept, { at: now, n }];
}
