// A scorer on one part of the held-out users, by the metrics of a run's report: their summaries, and each user's
// figures as they are kept. What `train` and `blend` tell of a model.
import { evaluation, type NamedUser, type ScoreBatch } from "../ranking/evaluate.ts";
import type { Summary } from "../ranking/metrics.ts";
import { finish } from "../runtime/finish.ts";
import type { Along } from "../runtime/working.ts";
import { scored } from "../training/messages.ts";
import type { Scored } from "./per-user.ts";

type Metric = (typeof scored)[number];
export type Summaries = Readonly<Record<Metric, Summary>>;

/** `items`: columns of the scores. Throws the signal's reason when aborted. */
export async function judgeHeldOut(
  part: Scored["part"],
  users: readonly NamedUser[],
  scoreBatch: ScoreBatch,
  items: number,
  signal: AbortSignal,
  along?: Along,
): Promise<{ readonly summaries: Summaries; readonly perUser: Scored }> {
  const found = await finish(evaluation(scoreBatch, users, items), signal, along);
  const of = <T>(value: (name: Metric) => T) =>
    Object.fromEntries(scored.map((name) => [name, value(name)])) as Record<Metric, T>;
  const perUser = {
    part,
    scorer: "model",
    users: users.map(({ user }) => user),
    metrics: of((name) => found.perUser[name]),
  };
  return { summaries: of((name) => found[name]), perUser };
}

export const meansOf = (summaries: Summaries): Record<string, number> =>
  Object.fromEntries(Object.entries(summaries).map(([name, { mean }]) => [name, mean]));
