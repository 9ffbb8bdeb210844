// The whole of a benchmark as report.json has it, and as report.md and report.html draw it. Pure.
import { type EpochOfUsers, meanChange, type Stability, usersOf } from "../../../../shared/judging/stability.ts";
import type { AblationRow } from "../ablation.ts";
import type { Agenda } from "../agenda.ts";
import type { Subject } from "../data-set.ts";
import type { Comparison } from "./comparison.ts";
import { comparisonsOf, type Evidence, type Row, rowOf, rowsOf } from "./results.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
}

export interface Report {
  readonly format: 1;
  readonly data: Subject;
  readonly machine: Machine;
  /** ms since 1970. */
  readonly finishedAt: number;
  readonly seeds: readonly number[];
  readonly budgetSeconds: number;
  readonly jobs: number;
  /** From the best NDCG@100 on test users down; rows without figures last. */
  readonly rows: readonly Row[];
  readonly comparisons: readonly Comparison[];
  readonly ablation: readonly { readonly has: AblationRow["has"]; readonly row: Row }[];
  /** Composite prior, Gaussian prior; none where it was not asked for, or one of the two failed. */
  readonly stability: readonly { readonly prior: string; readonly meanChange: number; readonly of: Stability }[];
}

/** Single users of the stability figure, and the seed that draws them. */
const DRAWN = 4;
const SEED = 1337;

/** Of a comparison, beside what it found. */
export interface Circumstances {
  readonly subject: Subject;
  readonly machine: Machine;
  readonly finishedAt: number;
  readonly jobs: number;
}

/** `epochs`: of each prior's run, in the agenda's order; empty where there is no run. */
export function reportOf(
  agenda: Agenda,
  evidence: Evidence,
  epochs: readonly (readonly EpochOfUsers[])[],
  { subject, machine, finishedAt, jobs }: Circumstances,
): Report {
  const { plan } = agenda;
  const rows = rowsOf(agenda.models, agenda, evidence);
  return {
    format: 1,
    data: subject,
    machine,
    finishedAt,
    seeds: plan.seeds,
    budgetSeconds: plan.budgetSeconds,
    jobs,
    rows,
    comparisons: comparisonsOf(rows, agenda, evidence),
    ablation: agenda.ablation.map(({ has, entry }) => ({ has, row: rowOf(entry, agenda, evidence) })),
    stability: stabilityOf(epochs),
  };
}

/** Over the epochs that all of them have, so that a run that learned longer is not calmer for that. */
function stabilityOf(runs: readonly (readonly EpochOfUsers[])[]): Report["stability"] {
  const common = Math.min(...runs.map(({ length }) => length));
  if (!(common >= 2) || !Number.isFinite(common)) return [];
  return runs.map((epochs, k) => {
    const of = usersOf(epochs.slice(0, common), DRAWN, SEED);
    return { prior: ["composite prior", "Gaussian prior"][k]!, meanChange: meanChange(of.changes), of };
  });
}
