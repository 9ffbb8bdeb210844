// What users of before lose as models go on: held-out users of the end of the first part, with their rows as they were,
// under the model of then and under the final ones, among the items that there were. Pure but for pauses.
import type { Histories } from "../../../../shared/events/histories.ts";
import type { Vocabulary } from "../../../../shared/events/vocabulary.ts";
import { inColumnsOf } from "../../../../shared/judging/candidate.ts";
import { heldOut } from "../../../../shared/judging/held-out.ts";
import type { Estimate } from "../../../../shared/judging/standing.ts";
import { evaluation, type NamedUser } from "../../../../shared/ranking/evaluate.ts";
import { paired } from "../../../../shared/ranking/paired.ts";
import { finish } from "../../../../shared/runtime/finish.ts";
import type { Candidate } from "./learners.ts";

/** In the columns of the model of then. */
export interface OldUsers {
  readonly users: readonly NamedUser[];
  readonly vocabulary: Vocabulary;
}

export interface Loss {
  readonly ndcg: number;
  /** Less under it than under the first model, over users. */
  readonly lost: Estimate;
}

const MOST = 2_000;

/** Nobody of them was ever trained on. */
export function oldUsersOf(histories: Histories, { vocabulary }: Candidate, salt: string): OldUsers {
  const users = (["validation", "test"] as const).flatMap((part) =>
    heldOut(histories, part, salt, vocabulary, MOST / 2),
  );
  return { users, vocabulary };
}

/** Of each model its loss, of the first one 0. */
export async function losses<K>(
  { users, vocabulary }: OldUsers,
  first: Candidate,
  models: ReadonlyMap<K, Candidate>,
  signal: AbortSignal,
): Promise<ReadonlyMap<K, Loss>> {
  if (users.length === 0) return new Map();
  const items = vocabulary.items.length;
  const ndcgUnder = async (model: Candidate) =>
    (await finish(evaluation(inColumnsOf(vocabulary, model), users, items, [100]), signal)).perUser["ndcg@100"];
  const then = await ndcgUnder(first);
  const found = new Map<K, Loss>();
  for (const [name, model] of models) {
    const now = await ndcgUnder(model);
    found.set(name, { ndcg: paired(now).mean, lost: paired(now.map((ndcg, user) => then[user]! - ndcg)) });
  }
  return found;
}
