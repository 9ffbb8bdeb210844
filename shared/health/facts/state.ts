// In which state the flow as a whole is: nothing there yet, just started, draining, a training run alone. Pure.
import type { Flow } from "./flow.ts";
import type { Memory } from "./memory.ts";

export const isNothing = ({ processes, up }: Flow): boolean => processes.length === 0 && !up?.status?.services.length;

export function isDraining({ ingest, server }: Flow): boolean {
  return ingest?.status?.state === "draining" || server?.status?.state === "draining";
}

/** Seconds: a missing service or trainer is a problem only once the flow has had time to start. */
const GRACE = 25;

export const isSettled = (flow: Flow): boolean =>
  flow.now - Math.min(...flow.processes.map((process) => process.startedAt)) > GRACE * 1000;

const ofTraining: ReadonlySet<string> = new Set(["server", "trainer"]);

/**
 * A data directory in which there is a training run of fixed length and nothing of the stream: `train`, or a server
 * with --epochs, also while its server has not answered yet. Nobody waits there for ingest, evaluator or serve.
 */
export function isTrainingRun({ processes, server, up }: Flow): boolean {
  const isAlone = processes.length > 0 && up === null && processes.every(({ service }) => ofTraining.has(service));
  return isAlone && (!server?.status || server.status.epochsWanted !== null);
}

/**
 * Trainers that run here, or were connected at once lately: one that was killed is missed, also where it ran elsewhere.
 */
export function expectedTrainers(flow: Flow, { trainers }: Memory): number {
  return Math.max(flow.trainers.length, flow.server?.status?.trainers.length ?? 0, trainers.most);
}
