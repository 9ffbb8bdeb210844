// split: raw events in a file to a dataset directory, as the papers split them, so that figures compare. Wiring only; shared/protocol decides.
import { basename } from "node:path";
import { z } from "zod";
import { chooseColumns, parseMap } from "../../shared/events/columns.ts";
import { openCsv } from "../../shared/csv/file.ts";
import { splitLiang } from "../../shared/protocol/liang.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { progressLine } from "../../shared/runtime/terminal.ts";
import { folder } from "../../shared/runtime/location.ts";
import { checkTarget, writeDataset } from "./directory.ts";
import { readEvents } from "./read.ts";
import { reportOf, summaryOf } from "./report.ts";

const whole = z.coerce.number().int();
const options = z.object({
  file: z.string().describe("a CSV file, gzip or not"),
  protocol: z.enum(["liang"]).default("liang").describe("liang: held-out users are strangers to the model, as for Mult-VAE and RecVAE"),
  heldOut: whole.min(1).describe("users of the validation part, and as many of the test part; ML-20M 10000, Netflix 40000, MSD 50000"),
  out: folder().describe("the dataset directory: a new one, or an empty one"),
  minValue: z.coerce
    .number()
    .optional()
    .describe("keep events of a greater value: 3.5 for ML-20M and Netflix, 0 for MSD; otherwise all are kept"),
  minItemsPerUser: whole.min(0).default(5).describe("drop users with fewer events (MSD 20), after the items, once"),
  minUsersPerItem: whole.min(0).default(0).describe("drop items with fewer events (MSD 200)"),
  seed: whole.min(0).max(0xffffffff).default(98765).describe("of NumPy's RandomState, for the order of users and again for each part"),
  map: z.string().default("").describe("columns: user=userId,item=movieId,value=rating; what is left out is guessed"),
  header: z.string().optional().describe("names of the columns of a file without a header line: user,item,value,timestamp"),
  delimiter: z.string().min(1).optional().describe("otherwise comma, semicolon or tab, by the first line"),
  json: z.boolean().default(false).describe("print the figures on stdout"),
});

export const command = defineCommand({
  name: "split",
  summary: "Make a dataset directory from a file of events, users split as Liang et al. do",
  positionals: ["file"],
  options,
  run: async (config, until) => {
    await checkTarget(config.out);
    const file = await openCsv(config.file, { delimiter: config.delimiter, header: config.header?.split(",") });
    const columns = chooseColumns(file.header, parseMap(config.map), null);
    if (config.minValue !== undefined && columns.value === null)
      throw new AppError("CSV_MALFORMED", { what: "no column for the value, which --min-value needs", columns: file.header.join(",") });

    const say = (text: string) => process.stderr.write(`${text}\n`);
    const progress = progressLine();
    const name = basename(config.file);
    const { events, figures } = await readEvents(file, {
      columns,
      minValue: config.minValue,
      signal: until.signal,
      say,
      show: ({ read }) => progress.show(`reading ${name}: ${Math.floor(100 * file.fraction())} %, ${read.toLocaleString("en-US")} events`),
    });
    progress.end();
    if (until.signal.aborted) return stopped(config.out, say);

    const split = splitLiang(events, config);
    const report = reportOf(split, figures, config);
    for (const line of summaryOf(report)) say(line);
    await writeDataset(config.out, split);
    say(`wrote ${config.out}`);
    if (config.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  },
});

/** Not a drain: whoever waits for the directory must not take this for success. */
function stopped(out: string, say: (text: string) => void): void {
  say(`stopped: ${out} was not written`);
  process.exitCode = 1;
}
