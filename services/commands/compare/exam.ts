// The test of a chosen model: every test user's figures, as its trial kept them. Of other trials they are never read,
// so nothing here is known while models are tuned.
import { join } from "node:path";
import { AppError } from "../../../shared/errors/errors.ts";
import { readTest } from "../../../shared/judging/per-user.ts";
import { folderOf } from "./ledger.ts";

/** As in the paper's tables. */
export const metrics = ["recall@20", "recall@50", "ndcg@100"] as const;
export type Metric = (typeof metrics)[number];

/** Value k of each metric is the same user's in every exam of a data set; users without a target are left out. */
export type Exam = Readonly<Record<Metric, Float64Array>>;

/** Why there is none, in words, where the file cannot be read. */
export async function examOf(out: string, id: string): Promise<Exam | string> {
  try {
    const figures = await Promise.all(
      metrics.map((metric) => readTest(join(folderOf(out, id), "evaluations"), metric)),
    );
    return Object.fromEntries(figures.map((ofUser, k) => [metrics[k]!, inOrder(ofUser)])) as unknown as Exam;
  } catch (error) {
    if (error instanceof AppError) return `its test cannot be read: ${error.message}`;
    throw error;
  }
}

/** By the users' names, which are the same in every file. */
const inOrder = (ofUser: ReadonlyMap<string, number>): Float64Array =>
  Float64Array.from([...ofUser].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value));
