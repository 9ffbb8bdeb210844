// The rules on the evaluator and the published model: it must run, publish, keep up with checkpoints, and the model
// with the events. Pure.
import type { Flow } from "../facts/flow.ts";
import { stalenessOf } from "../facts/staleness.ts";
import { presence, silences } from "./presence.ts";
import type { Problem } from "./problem.ts";

/** Seconds, and refusals in a row that are no chance any more. */
const limits = { evaluationDelay: 120, freshness: { amber: 120, red: 600 }, refusalsInARow: 3 } as const;

export function evaluatorProblems(flow: Flow): Problem[] {
  const found = presence(flow, "EVALUATOR", flow.evaluator, silences.computing);
  const status = flow.evaluator?.status;
  if (found.length > 0 || !status) return found;
  const newest = status.evaluations.at(-1);
  if (newest?.outcome === "refused") {
    const last = status.evaluations.slice(-limits.refusalsInARow);
    const often = last.length === limits.refusalsInARow && last.every(({ outcome }) => outcome === "refused");
    const ndcg = newest.model?.["ndcg@100"] ?? null;
    const numbers = { round: newest.round, why: newest.reason, ndcg, isInUse: status.published !== null };
    found.push({ code: "EVALUATOR_REFUSED", level: often ? "red" : "amber", numbers });
  }
  if (status.pinned !== null)
    found.push({ code: "EVALUATOR_PINNED", level: "amber", numbers: { version: status.pinned } });
  const { round = null, at = null } = flow.server?.status?.checkpoint ?? {};
  const waited = newest && round !== null && round > (newest.round ?? 0) ? (flow.now - at!) / 1000 : 0;
  if (waited > limits.evaluationDelay)
    found.push({ code: "EVALUATOR_BEHIND", level: "amber", numbers: { round: round!, seconds: waited } });
  const stale = stalenessOf(flow);
  if (stale && stale.seconds > limits.freshness.amber) {
    const level = stale.seconds > limits.freshness.red ? "red" : "amber";
    found.push({ code: "SERVER_STALE", level, numbers: stale });
  }
  return found;
}
