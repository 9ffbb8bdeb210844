// What the report is made of, read from the trials' folders once all models are chosen: the tests of those, and the
// epochs of the two priors.
import { join } from "node:path";
import { listEpochs, readEpoch } from "../../../shared/judging/per-user.ts";
import type { EpochOfUsers } from "../../../shared/judging/stability.ts";
import type { Agenda } from "./agenda.ts";
import { type Exam, examOf } from "./exam.ts";
import { folderOf, type Result } from "./ledger.ts";
import { chosen } from "./plan.ts";
import { examinees } from "./report/results.ts";

export interface Found {
  readonly exams: ReadonlyMap<string, Exam | string>;
  /** Of each prior's run; empty where it has none. */
  readonly epochs: readonly (readonly EpochOfUsers[])[];
}

export async function evidenceOf(
  out: string,
  { plan, priors }: Agenda,
  results: ReadonlyMap<string, Result>,
): Promise<Found> {
  const exams = new Map<string, Exam | string>();
  for (const id of examinees(plan, results)) exams.set(id, await examOf(out, id));
  const runs = priors.map((entry) => chosen(plan, entry, results));
  return {
    exams,
    epochs: await Promise.all(
      runs.map((trial) => (trial ? epochsOf(join(folderOf(out, trial.id), "evaluations")) : [])),
    ),
  };
}

async function epochsOf(dir: string): Promise<EpochOfUsers[]> {
  const epochs = await listEpochs(dir);
  return Promise.all(epochs.map(async (epoch) => ({ epoch, ndcg: await readEpoch(dir, epoch, "ndcg@100") })));
}
