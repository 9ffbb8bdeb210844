// What arrived in a part of a stream as a table for people: each contestant's means, and how far what is served is
// above it. Pure.
import type { Estimate, Group } from "../../judging/standing.ts";
import { plural, ratio } from "./figures.ts";

export const STANDING_HEAD =
  "recall@20, NDCG@100: means over arrivals ± standard errors; (what is served less this one, over users)";

/** `facts`: what else is to be said of it. */
export function standingOf<Name extends string>(
  { name, arrivals, users, places }: Group<Name>,
  contestants: readonly { readonly name: Name; readonly title: string }[],
  withLeads: boolean,
  facts = "",
): string {
  const head = `${name}: ${plural(arrivals, "arrival")} of ${plural(users, "user")}${facts}`;
  if (arrivals === 0) return head;
  const lines = contestants.flatMap(({ name: each, title }) => {
    const place = places[each];
    if (!place || Number.isNaN(place.recall.mean)) return [];
    const { recall, ndcg, lead } = place;
    const leads = lead && withLeads ? `  (${estimate(lead.recall)}, ${estimate(lead.ndcg)})` : "";
    return [`  ${estimate(recall)}  ${estimate(ndcg)}  ${title}${leads}`];
  });
  return [head, ...lines].join("\n");
}

/** Without the error where nobody knows it. */
export const estimate = ({ mean, standardError }: Estimate): string =>
  Number.isNaN(standardError) ? ratio(mean) : `${ratio(mean)} ± ${ratio(standardError)}`;
