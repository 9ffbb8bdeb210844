// The rule on stages that must run: one is missing, or there and silent. Pure.
import type { Flow, Seen } from "../facts/flow.ts";
import { isSettled } from "../facts/state.ts";
import type { Level, Problem } from "./problem.ts";

/** Seconds. Services that compute cannot answer while a kernel runs. */
export const silences = { answering: 5, computing: 20 } as const;

type Stage = "INGEST" | "SERVER" | "EVALUATOR" | "SERVE";

export function presence(
  flow: Flow,
  stage: Stage,
  seen: Seen<unknown> | null,
  silence: number,
  level: Level = "red",
): Problem[] {
  if (!seen) return isSettled(flow) ? [{ code: `${stage}_MISSING`, level, numbers: {} }] : [];
  if (seen.silence <= silence * 1000) return [];
  return [{ code: `${stage}_SILENT`, level: "red", numbers: { seconds: seen.silence / 1000, pid: seen.process.pid } }];
}
