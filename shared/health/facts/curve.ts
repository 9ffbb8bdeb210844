// The newest point of the prequential curve, and whether it is below what is popular now. Pure.
import { FEWEST_USERS, isBelow } from "../../ranking/paired.ts";
import type { Reading } from "../status/readings.ts";
import type { Flow } from "./flow.ts";

type Newest = Reading<"evaluator">["prequential"][number];
type Kept = "at" | "model" | "events" | "users" | "recall@20" | "ndcg@100" | "popularity";
/** The references stand there since they are measured. */
export type CurvePoint = Pick<Newest, Kept> &
  Partial<Omit<Newest, Kept | "tableVersion" | "unknownItems" | "tableEvents" | "lead">> & {
    readonly lead?: Partial<NonNullable<Newest["lead"]>> | null;
  };

/** Null before the first. */
export function newestPoint({ evaluator }: Flow): CurvePoint | null {
  const newest = evaluator?.status?.prequential.at(-1);
  if (!newest) return null;
  const { tableVersion: _, unknownItems: __, tableEvents: ___, ...point } = newest;
  return point;
}

/** By how much the published model's NDCG@100 on what arrives is below popular now, beyond chance; else null. */
export function belowPopularNow(flow: Flow): number | null {
  const { users = null, lead } = newestPoint(flow) ?? {};
  const { "ndcg@100": mean = null, "ndcg@100:se": error = null } = lead?.popularNow ?? {};
  if (mean === null || error === null || (users ?? 0) < FEWEST_USERS) return null;
  return isBelow({ mean, standardError: error }) ? -mean : null;
}
