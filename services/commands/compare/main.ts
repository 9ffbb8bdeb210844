// `tributary benchmark`: every system tuned on validation within a budget, trained, tested once, and the whole as a
// report. Wiring only: plan.ts decides, trial.ts runs, report.ts counts.
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { lock } from "../../../shared/checkpoints/run-lock.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folderHere } from "../../../shared/storage/copies.ts";
import { agendaOf } from "./agenda.ts";
import { readSubject } from "./data-set.ts";
import { evidenceOf } from "./evidence.ts";
import { agree } from "./ledger.ts";
import { options } from "./options.ts";
import { type Report, reportOf } from "./report/report.ts";
import { tableOf } from "./report/text.ts";
import { files, writeReport } from "./report/writing.ts";
import { runPlan } from "./run.ts";
import { study } from "./stream/study.ts";
import { showProgress } from "./telling.ts";

export const command = defineCommand({
  name: "benchmark",
  summary:
    "Every system tuned on validation, trained and tested once; or a stream, every arrival ranked before it is learned",
  options,
  async run(config, until) {
    if (config.stream !== undefined) return await study({ ...config, stream: config.stream }, until);
    const { jobs, out = "" } = config;
    const data = await folderHere(config.data ?? "");
    const subject = await readSubject(data, until.signal);
    const agenda = agendaOf(
      { ...config, budgetSeconds: config.budget / 1000 },
      subject.interactions / subject.users.train,
    );
    await lock(out, until.signal, { name: "a benchmark", file: "benchmark.lock" });
    await agree(out, agenda.plan, subject);

    const progress = showProgress(agenda.plan, jobs);
    const place = {
      out,
      data,
      trainers: Math.max(1, Math.floor(availableParallelism() / jobs)),
      until,
      heard: progress.heard,
    };
    const results = await runPlan(agenda.plan, jobs, place, progress);
    progress.end();
    if (until.signal.aborted) return progress.say(`stopped; the same command goes on in ${out}`);

    const { exams, epochs } = await evidenceOf(out, agenda, results);
    const report = reportOf(agenda, { results, exams }, epochs, {
      subject,
      machine: machine(),
      finishedAt: Date.now(),
      jobs,
    });
    await writeReport(out, report);
    process.stdout.write(config.json ? `${JSON.stringify(report, null, 2)}\n` : tableOf(report));
    for (const name of files) progress.say(join(out, name));
    mustHaveFigures(report, out);
  },
});

const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  node: process.version,
});

/** Rows without figures are part of a report; a report of nothing else is a failure. */
function mustHaveFigures({ rows, ablation, stability }: Report, out: string): void {
  if (rows.some(({ test }) => test) || ablation.some(({ row }) => row.test) || stability.length > 0) return;
  const [first] = rows;
  throw new AppError("NOTHING_TRAINED", { what: `no model has figures; ${first?.title}: ${first?.why}`, out });
}
