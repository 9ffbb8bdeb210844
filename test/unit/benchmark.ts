// For tests of the benchmark: an agenda of any models, and what their trials and tests would have left, from fixed
// draws.
import type { Agenda } from "../../services/commands/compare/agenda.ts";
import type { Exam } from "../../services/commands/compare/exam.ts";
import type { Result } from "../../services/commands/compare/ledger.ts";
import { type Entry, next, type Plan, type Trial } from "../../services/commands/compare/plan.ts";
import { type Report, reportOf } from "../../services/commands/compare/report/report.ts";
import { type Evidence, examinees } from "../../services/commands/compare/report/results.ts";
import { gaussian } from "../../shared/compute/draws.ts";
import type { EpochOfUsers } from "../../shared/judging/stability.ts";

const USERS = 60;

export const entryOf = (model: string, settings: number, more: Partial<Entry> = {}): Entry => ({
  id: model,
  kind: "neural",
  model,
  flags: ["--epochs=100", "--patience=15"],
  settings: Array.from({ length: settings }, (_, k) =>
    k === 0 ? { name: "usual", flags: [] } : { name: `lambda ${k}`, flags: [`--lambda=${k}`] },
  ),
  isSeeded: true,
  startsFrom: [],
  ...more,
});

export const agendaOf = (models: readonly Entry[], plan: Partial<Plan> = {}): Agenda => ({
  plan: { entries: models, seeds: [1337], budgetSeconds: 600, ...plan },
  models,
  ablation: [],
  priors: [],
});

/** A trial that is done, its validation given, after `epochs` epochs of a second. */
export function done(
  validation: number,
  { epochs = 20, best = epochs }: { epochs?: number; best?: number } = {},
): Result {
  const reached = Array.from({ length: epochs }, (_, k) => ({
    epoch: k + 1,
    seconds: 1,
    validation: { "ndcg@100": validation - 0.1 * ((k + 1 - best) / epochs) ** 2 },
  }));
  return {
    seconds: epochs + 3,
    outcome: "done",
    why: null,
    validation,
    trained: {
      wallSeconds: epochs,
      epochs: reached,
      best: { epoch: best, validation: { "ndcg@100": validation } },
      parameters: 123_456,
      peakMemoryBytes: 7e8,
    },
  };
}

export const failed = (why: string): Result => ({
  seconds: 2,
  outcome: "failed",
  why,
  validation: null,
  trained: null,
});

/** Users around `mean`; the same noise for every model, and a little of its own. */
export function examAround(mean: number, own: number, spread = 0.01): Exam {
  const [shared, apart] = [gaussian(3, 0, 0, USERS), gaussian(3, 1 + own, 0, USERS)];
  const around = (shift: number) =>
    Float64Array.from(shared, (noise, k) => mean + shift + 0.05 * noise + spread * apart[k]!);
  return { "recall@20": around(-0.07), "recall@50": around(0.03), "ndcg@100": around(0) };
}

/** Every trial that the plan wants, with the outcome that `of` gives it, and every test that it asks for. */
export function played(agenda: Agenda, of: (trial: Trial) => Result, exam: (id: string) => Exam | string): Evidence {
  const results = new Map<string, Result>();
  for (let trial = next(agenda.plan, results, new Set()); trial; trial = next(agenda.plan, results, new Set()))
    results.set(trial.id, of(trial));
  return { results, exams: new Map(examinees(agenda.plan, results).map((id) => [id, exam(id)])) };
}

export function reported(
  agenda: Agenda,
  evidence: Evidence,
  epochs: readonly (readonly EpochOfUsers[])[] = [],
): Report {
  const subject = {
    dir: "/data/ml1m",
    items: 3043,
    users: { train: 4822, validation: 600, test: 600 },
    interactions: 712_421,
    sha256: "0".repeat(64),
    known: null,
  };
  const machine = { cpu: "a processor", cores: 2, memoryBytes: 24e9, node: "v20" };
  return reportOf(agenda, evidence, epochs, { subject, machine, finishedAt: Date.UTC(2026, 10, 24), jobs: 1 });
}
