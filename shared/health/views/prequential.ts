// How the published model does on what arrives, before anything is learned from it: the newest point of the curve, in a
// line for people, and below it what it is set beside. Pure.
import type { CurvePoint } from "../facts/curve.ts";
import { count, plural, ratio } from "./figures.ts";

export function prequentialLine(point: CurvePoint): string {
  const beside = (metric: "recall@20" | "ndcg@100") =>
    `${ratio(point[metric])} (popularity ${ratio(point.popularity[metric])})`;
  const over = `${count(point.events)} arrivals of ${plural(point.users ?? 0, "user")}`;
  return `what arrives: recall@20 ${beside("recall@20")} · NDCG@100 ${beside("ndcg@100")} · ${over}`;
}

/** What is popular now and what follows what, as they are and as they were known when the model was pinned. */
export function referenceLines({ alone, popularNow, popularThen, coVisits, coVisitsThen, ...point }: CurvePoint) {
  if (!popularNow || !popularThen || !coVisits || !coVisitsThen) return [];
  const { lead, over, behind } = point;
  const both = (now: Pair, then: Pair) =>
    (["recall@20", "ndcg@100"] as const)
      .map((metric) => `${metric.replace("ndcg", "NDCG")} ${ratio(now[metric])}, then ${ratio(then[metric])}`)
      .join(" · ");
  return [
    ...(alone ? [`the model alone, without what is laid over it: ${pairInWords(alone)}`] : []),
    `popular now: ${both(popularNow, popularThen)} · over ${over?.popularNow ?? "–"}`,
    `co-visits: ${both(coVisits, coVisitsThen)} · then: as the model knew them, ${plural(behind ?? 0, "event")} ago`,
    `the model's NDCG@100 is ${leadInWords(lead?.popularNow)} popular now, ` +
      `${leadInWords(lead?.popularThen)} popular then`,
  ];
}

/** Who ranks, and how well, as a list of terms; none before the first point. */
export function rankersOf(point: CurvePoint | null): { readonly title: string; readonly value: string }[] {
  const { alone, popularNow, popularThen, coVisits, popularity } = point ?? {};
  const rankers = { Served: point, "Model alone": alone, "Popular now": popularNow, "Co-visits": coVisits };
  const all = { ...rankers, "Popular when it was pinned": popularThen, "Popular since ever": popularity };
  return Object.entries(all).flatMap(([title, pair]) => (pair ? [{ title, value: pairInWords(pair) }] : []));
}

const pairInWords = (pair: Pair) => `recall@20 ${ratio(pair["recall@20"])} · NDCG@100 ${ratio(pair["ndcg@100"])}`;

type Pair = Readonly<Record<"recall@20" | "ndcg@100", number | null>>;
type Lead = NonNullable<NonNullable<CurvePoint["lead"]>["popularNow"]>;

function leadInWords(lead: Lead | null | undefined): string {
  const by = lead?.["ndcg@100"] ?? null;
  if (by === null) return "not compared with";
  return `${ratio(Math.abs(by))} ± ${ratio(lead!["ndcg@100:se"])} ${by < 0 ? "below" : "above"}`;
}
