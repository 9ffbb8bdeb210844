// split: raw events in a file to a dataset directory, as the papers split them, so that figures compare. Wiring only;
// shared/corpus/liang.ts decides.
import { basename } from "node:path";
import { splitLiang } from "../../../shared/corpus/liang.ts";
import { AppError, errors } from "../../../shared/errors/errors.ts";
import type { Skipped } from "../../../shared/events/skipped.ts";
import { mustBeMendable, mustHoldEvents, reasonsOf } from "../../../shared/files/event-file.ts";
import { formatOf } from "../../../shared/files/flags.ts";
import { openEventFile } from "../../../shared/files/open-events.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { progressLine, say } from "../../../shared/runtime/terminal.ts";
import { checkTarget, writeDataset } from "./directory.ts";
import { options } from "./options.ts";
import { readEvents } from "./read.ts";
import { reportOf, summaryOf } from "./report.ts";

export const command = defineCommand({
  name: "split",
  summary: "Make a dataset directory from a file of events, users split as Liang et al. do",
  positionals: ["file"],
  options,
  run: async (config, until) => {
    await checkTarget(config.out);
    const file = await openEventFile(config.file, formatOf(config));
    if (config.minValue !== undefined && file.columns.value === null)
      throw new AppError("CSV_MALFORMED", {
        what: "no column for the value, which --min-value needs",
        columns: file.header.join(","),
      });

    for (const remark of file.remarks) say(remark);
    const progress = progressLine();
    const name = basename(config.file);
    const { events, figures, skipped } = await readEvents(file, {
      minValue: config.minValue,
      signal: until.signal,
      say,
      show: ({ read }) => {
        const fraction = file.fraction();
        const done = fraction === null ? "" : ` ${Math.floor(100 * fraction)} %,`;
        progress.show(`reading ${name}:${done} ${read.toLocaleString("en-US")} events`);
      },
    });
    progress.end();
    file.close();
    if (until.signal.aborted) return stopped(config.out, say);
    if (config.onBadRow === "fail") mustBeMendable(config.file, skipped);
    mustHoldEvents(config.file, figures.read, skipped, file.place);
    if (file.repeatedHeaders > 0) say(`lines that repeat the header: ${file.repeatedHeaders}`);

    const split = splitLiang(events, config);
    const report = reportOf(split, figures, config);
    for (const line of summaryOf(report)) say(line);
    await writeDataset(config.out, split);
    say(`wrote ${config.out}`);
    if (skipped.count > 0 && config.onBadRow === "fail") failedOn(skipped, file.place, figures.read, say);
    if (config.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  },
});

/** What is good is written, and the exit code says that it is not all of the file. */
function failedOn(skipped: Skipped, place: "line" | "row", read: number, say: (text: string) => void): void {
  const what = `of ${read + skipped.count} rows ${skipped.count} are no events: ${reasonsOf(skipped, place)}`;
  say(new AppError("ROWS_REFUSED", { what }).message);
  process.exitCode = errors.ROWS_REFUSED.exit;
}

/** Not a drain: whoever waits for the directory must not take this for success. */
function stopped(out: string, say: (text: string) => void): void {
  say(`stopped: ${out} was not written`);
  process.exitCode = 1;
}
