// The rules on serve: it must run, answer, and know of events at once. The flow itself is whole without it: a missing
// serve is never the stalled stage. Pure.
import type { Flow } from "../facts/flow.ts";
import { presence, silences } from "./presence.ts";
import type { Problem } from "./problem.ts";

/** Share of requests that fail from which on it is a problem. */
const ERRORS = 0.01;
/** Seconds that it may take to find Kafka, and the topic in it. */
const GRACE = 25;
/** Seconds within which 95 of 100 events change answers, and marked events from which on that is said. */
const late = { seconds: 1, events: 60 } as const;

export function serveProblems(flow: Flow): Problem[] {
  const found = presence(flow, "SERVE", flow.serve, silences.answering, "amber");
  const { requests = null, errors = null, following = null, freshness = null } = flow.serve?.status ?? {};
  if (requests !== null && errors !== null && requests > 0 && errors / requests > ERRORS)
    found.push({ code: "SERVE_ERRORS", level: "amber", numbers: { share: errors / requests } });
  const runs = flow.serve ? (flow.now - flow.serve.process.startedAt) / 1000 : 0;
  if (following?.state === "waiting" && runs > GRACE)
    found.push({ code: "SERVE_ALONE", level: "amber", numbers: { why: following.reason } });
  const { p95 = null, events = null } = freshness ?? {};
  if (following?.state === "following" && p95 !== null && p95 > late.seconds && (events ?? 0) >= late.events)
    found.push({ code: "SERVE_LATE", level: "amber", numbers: { seconds: p95 } });
  return found;
}
