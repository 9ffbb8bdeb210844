// The newest point of the prequential curve. Pure.
import type { Reading } from "../status/readings.ts";
import type { Flow } from "./flow.ts";

export type CurvePoint = Omit<Reading<"evaluator">["prequential"][number], "tableVersion" | "unknownItems">;

/** Null before the first. */
export function newestPoint({ evaluator }: Flow): CurvePoint | null {
  const newest = evaluator?.status?.prequential.at(-1);
  if (!newest) return null;
  const { at, model, events, users, "recall@20": recall, "ndcg@100": ndcg, popularity } = newest;
  return { at, model, events, users, "recall@20": recall, "ndcg@100": ndcg, popularity };
}
