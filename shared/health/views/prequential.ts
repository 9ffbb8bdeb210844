// How the published model does on what arrives, before anything is learned from it: the newest point of the curve, in a
// line for people. Pure.
import type { CurvePoint } from "../facts/curve.ts";
import { count, plural, ratio } from "./figures.ts";

export function prequentialLine(point: CurvePoint): string {
  const beside = (metric: "recall@20" | "ndcg@100") =>
    `${ratio(point[metric])} (popularity ${ratio(point.popularity[metric])})`;
  const over = `${count(point.events)} arrivals of ${plural(point.users ?? 0, "user")}`;
  return `what arrives: recall@20 ${beside("recall@20")} · NDCG@100 ${beside("ndcg@100")} · ${over}`;
}
