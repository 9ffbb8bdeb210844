// A data directory in which there is a training run of fixed length and nothing of the stream: `train`, or a server with --epochs. Nobody waits there for ingest, evaluator or serve. Pure.
import { count, loss, plural, ratio } from "./figures.ts";
import type { Flow } from "./statuses.ts";
import type { Server } from "./training.ts";

const ofTraining: ReadonlySet<string> = new Set(["server", "trainer"]);

/** Also while its server has not answered yet. */
export function isTrainingRun({ processes, server, up }: Flow): boolean {
  const isAlone = processes.length > 0 && up === null && processes.every(({ service }) => ofTraining.has(service));
  return isAlone && (!server?.status || server.status.epochsWanted !== null);
}

/** How far it is, in one sentence. */
export function runInWords({ state, round, epochs, epochsWanted, loss: now, trainers }: Server): string {
  if (state === "waiting for trainers") return "A training run waits for trainers to connect";
  const validation = epochs.at(-1)?.validation?.["ndcg@100"] ?? null;
  return [
    `A training run: epoch ${count(round)} of ${count(epochsWanted)}`,
    ...(now ? [`loss ${loss(now.total)}`] : []),
    ...(validation === null ? [] : [`validation NDCG@100 ${ratio(validation)}`]),
    plural(trainers.length, "trainer"),
  ].join(", ");
}
