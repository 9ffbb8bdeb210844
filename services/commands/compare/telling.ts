// How far a benchmark is, for people: a bar on a terminal, a line every few seconds elsewhere; what each trial came to
// on validation; the time left.
import { duration, plural } from "../../../shared/health/views/figures.ts";
import { fraction } from "../../../shared/plots/style.ts";
import { onOneLine } from "../../../shared/runtime/printable.ts";
import { progressLine } from "../../../shared/runtime/terminal.ts";
import type { Result } from "./ledger.ts";
import { mostTrials, type Plan, type Trial, triedOf } from "./plan.ts";
import type { Telling } from "./run.ts";

/** Newest word of each running trial. */
type Words = Map<string, { readonly trial: Trial; said: string }>;

export interface Progress extends Telling {
  readonly heard: (id: string, line: string) => void;
  readonly say: (text: string) => void;
  readonly end: () => void;
}

export function showProgress(plan: Plan, jobs: number): Progress {
  const line = progressLine();
  const results = new Map<string, Result>();
  const running: Words = new Map();
  const say = (text: string) => process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${onOneLine(text)}\n`);
  const show = () => line.show(lineOf(plan, results, running, jobs));
  return {
    remember: (id, result) => results.set(id, result),
    begun: (trial) => {
      running.set(trial.id, { trial, said: "starting" });
      show();
    },
    heard: (id, text) => {
      const word = running.get(id);
      if (word && text !== "") word.said = text;
      show();
    },
    ended: (trial, result) => {
      running.delete(trial.id);
      if (result) results.set(trial.id, result);
      say(endOf(nameOf(trial, plan), result));
    },
    say,
    end: () => {
      line.show(`${plural(results.size, "trial")} done`);
      line.end();
    },
  };
}

/** "recvae, gamma 0.005"; of an ablation's step its name alone, which says all. */
const nameOf = ({ entry, setting, seed }: Trial, plan: Plan) =>
  [
    entry.id,
    ...(entry.id.endsWith(setting.name) ? [] : [setting.name]),
    ...(plan.seeds.length > 1 && entry.isSeeded ? [`seed ${seed}`] : []),
  ].join(", ");

function endOf(name: string, result: Result | undefined): string {
  if (!result) return `– ${name}: stopped, to be gone on with`;
  const { validation, seconds, why } = result;
  return validation === null
    ? `✗ ${name}: ${why}`
    : `✓ ${name}: validation NDCG@100 ${fraction(validation)}, ${duration(seconds)}`;
}

/** ████░░░░ 12/31 trials · about 14 min left · recvae, gamma .005: epoch 12/50 ... */
function lineOf(plan: Plan, results: ReadonlyMap<string, Result>, running: Words, jobs: number): string {
  const most = mostTrials(plan);
  const left = secondsLeft(plan, results);
  const filled = Math.round((20 * results.size) / most);
  return [
    `${"█".repeat(filled)}${"░".repeat(20 - filled)} ${results.size}/${most} trials`,
    ...(left === null ? [] : [`about ${duration(left / jobs)} left`]),
    ...[...running.values()].map(({ trial, said }) => `${nameOf(trial, plan)}: ${said}`),
  ].join(" · ");
}

/**
 * Of all trials together: each row's open settings take what its others took on average, what nobody has tried yet
 * takes what the rest does, and no row takes longer than its budget. Null before the first trial has ended.
 */
export function secondsLeft(
  plan: Plan,
  results: ReadonlyMap<string, Pick<Result, "seconds" | "validation">>,
): number | null {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
  const overall = [...results.values()].map(({ seconds }) => seconds);
  if (overall.length === 0) return null;
  return plan.entries.reduce((sum, entry) => {
    const took = triedOf(plan, entry, results).map(({ id }) => results.get(id)!.seconds);
    const each = mean(took.length > 0 ? took : overall);
    const spent = took.reduce((all, seconds) => all + seconds, 0);
    return sum + Math.max(0, Math.min((entry.settings.length - took.length) * each, plan.budgetSeconds - spent));
  }, 0);
}
