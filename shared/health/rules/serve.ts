// The rules on serve. The flow itself is whole without it: a missing serve is never the stalled stage. Pure.
import type { Flow } from "../facts/flow.ts";
import { presence, silences } from "./presence.ts";
import type { Problem } from "./problem.ts";

/** Share of requests that fail from which on it is a problem. */
const ERRORS = 0.01;

export function serveProblems(flow: Flow): Problem[] {
  const found = presence(flow, "SERVE", flow.serve, silences.answering, "amber");
  const { requests = null, errors = null } = flow.serve?.status ?? {};
  if (requests === null || errors === null || requests <= 0 || errors / requests <= ERRORS) return found;
  return [...found, { code: "SERVE_ERRORS", level: "amber", numbers: { share: errors / requests } }];
}
