// Every service's /status by the service's name: as it says it, and as health reads it.
import { dashboardStatus } from "./dashboard.ts";
import { evaluatorStatus } from "./evaluator.ts";
import { ingestStatus } from "./ingest.ts";
import { replayStatus } from "./replay.ts";
import { serveStatus } from "./serve.ts";
import { serverStatus } from "./server.ts";
import { tolerant } from "./tolerant.ts";
import { trainerStatus } from "./trainer.ts";
import { upStatus } from "./up.ts";

export const statuses = {
  replay: replayStatus,
  ingest: ingestStatus,
  server: serverStatus,
  trainer: trainerStatus,
  evaluator: evaluatorStatus,
  serve: serveStatus,
  dashboard: dashboardStatus,
  up: upStatus,
} as const;

export const readings = {
  replay: tolerant(replayStatus),
  ingest: tolerant(ingestStatus),
  server: tolerant(serverStatus),
  trainer: tolerant(trainerStatus),
  evaluator: tolerant(evaluatorStatus),
  serve: tolerant(serveStatus),
  up: tolerant(upStatus),
} as const;
export type Reading<S extends keyof typeof readings> = NonNullable<ReturnType<(typeof readings)[S]>>;

/** Null where it is nothing of the kind. */
export const readingOf = <S extends keyof typeof readings>(service: S, status: unknown): Reading<S> | null =>
  readings[service](status) as Reading<S> | null;

/** What is asked of any answer, whichever service it is of. */
const common = tolerant(
  replayStatus.pick({ done: true, heldUp: true }).extend(ingestStatus.pick({ state: true, reason: true }).shape),
);
const nothing = { state: null, reason: null, done: false, heldUp: null };
export const commonOf = (status: unknown): NonNullable<ReturnType<typeof common>> => common(status) ?? nothing;
