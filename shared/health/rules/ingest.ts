// The rules on ingest: it must run, go on, commit, keep up, and find events in what it reads. Pure.
import type { Flow } from "../facts/flow.ts";
import { deadShare } from "../facts/ingest.ts";
import type { Memory } from "../facts/memory.ts";
import { presence, silences } from "./presence.ts";
import type { Problem } from "./problem.ts";

/** Seconds without a commit, seconds behind the topic, and the share of dead letters from which on it is a problem. */
const limits = { noCommit: 60, lag: 60, deadShare: 0.01 } as const;

export function ingestProblems(flow: Flow, { lagSince }: Memory): Problem[] {
  const found = presence(flow, "INGEST", flow.ingest, silences.answering);
  const status = flow.ingest?.status;
  if (found.length > 0 || !status) return found;
  const messages = status.lag?.messages ?? null;
  if (status.state === "stalled") {
    found.push({
      code: "INGEST_STALLED",
      level: "red",
      numbers: { by: status.stalledBy, why: status.reason, messages },
    });
  } else if ((messages ?? 0) > 0) {
    // The first events after a quiet hour have not waited for an hour.
    const waited = lagSince === null ? Number.POSITIVE_INFINITY : (flow.now - lagSince) / 1000;
    const still = Math.min(waited, (flow.now - (status.lastCommitAt ?? flow.ingest!.process.startedAt)) / 1000);
    const behind = Math.min(waited, status.lag?.seconds ?? 0);
    if (still > limits.noCommit)
      found.push({ code: "INGEST_NO_COMMIT", level: "red", numbers: { seconds: still, messages } });
    else if (behind > limits.lag)
      found.push({ code: "INGEST_BEHIND", level: "amber", numbers: { seconds: behind, messages } });
  }
  if ((status.lost ?? 0) > 0) found.push({ code: "INGEST_LOST", level: "red", numbers: { lost: status.lost } });
  const share = deadShare(status);
  if (share !== null && share > limits.deadShare)
    found.push({ code: "INGEST_REJECTS", level: "amber", numbers: { share, dead: status.dead } });
  return found;
}
