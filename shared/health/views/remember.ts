// One look at the flow: what is remembered of it, and of the problems that it finds. Pure.
import type { Flow } from "../facts/flow.ts";
import { after, type Memory, noMemory } from "../facts/memory.ts";
import { problemsOf } from "../rules/rules.ts";
import { findingOf, type Recent, recall } from "./recent.ts";

export interface Remembered extends Memory {
  /** Problems that were seen since somebody looks. */
  readonly recent: readonly Recent[];
}

export const nothingRemembered: Remembered = { ...noMemory, recent: [] };

export function remember(before: Remembered, flow: Flow): Remembered {
  const memory = after(before, flow);
  return { ...memory, recent: recall(before.recent, problemsOf(flow, memory).map(findingOf), flow.now) };
}
