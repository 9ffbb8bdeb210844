// The newest point of the prequential curve. Pure.
import type { Reading } from "../status/readings.ts";
import type { Flow } from "./flow.ts";

type Newest = Reading<"evaluator">["prequential"][number];
type Kept = "at" | "model" | "events" | "users" | "recall@20" | "ndcg@100" | "popularity";
/** The references stand there since they are measured. */
export type CurvePoint = Pick<Newest, Kept> & Partial<Omit<Newest, Kept | "tableVersion" | "unknownItems">>;

/** Null before the first. */
export function newestPoint({ evaluator }: Flow): CurvePoint | null {
  const newest = evaluator?.status?.prequential.at(-1);
  if (!newest) return null;
  const { tableVersion: _, unknownItems: __, ...point } = newest;
  return point;
}
