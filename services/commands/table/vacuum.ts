// The vacuum command: deletes files and log entries that no version within the retention needs, of all four tables.
import { z } from "zod";
import { duration } from "../../../shared/runtime/amount.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { lineBeside, told } from "../../../shared/runtime/working.ts";
import { mustExist } from "../../../shared/table/delta.ts";
import { openItems } from "../../../shared/table/items.ts";
import { openTables } from "../../../shared/table/tables.ts";
import { vacuum } from "../../../shared/table/vacuum.ts";
import { LONGEST_RETENTION } from "../../../shared/table/vacuum-plan.ts";

export const command = defineCommand({
  name: "vacuum",
  summary: "Delete removed files, orphans of crashes and old log entries, once they are older than the retention",
  options: z.object({
    table: location().optional().describe("the table's folder (default: the one in --data-dir)"),
    deadLetters: location().optional().describe("the dead letters' folder (default: the one in --data-dir)"),
    dataDir: folder().default(".tributary").describe("where tables, models and logs lie"),
    retention: duration(LONGEST_RETENTION)
      .prefault("168h")
      .describe(
        "age from which something is deleted, such as 168h; readers and a training run that goes on need the " +
          "versions of that time. 0h: at once, while nothing writes",
      ),
    dryRun: z.boolean().default(false).describe("delete nothing, only tell"),
    json: z.boolean().default(false).describe("print the paths as JSON"),
  }),
  async run({ table: tableDir, deadLetters, dataDir, retention, dryRun, json }) {
    const log = createLog("vacuum");
    const paths = pathsOf(dataDir);
    const dir = tableDir ?? paths.table;
    const { events, filtered, deadLetters: letters } = await openTables(dir, deadLetters ?? paths.deadLetters);
    const tables = { events: mustExist(events), items: await openItems(dir), filtered, deadLetters: letters };
    const existing = Object.fromEntries(Object.entries(tables).filter(([, { version }]) => version >= 0));
    const wanted = { retentionMs: retention, clock: Date.now(), dryRun };
    const plans = await told("deleting", (along) => vacuum(existing, wanted, along), lineBeside(log));
    for (const [name, { removed, orphans, entries, waiting }] of Object.entries(plans)) {
      const counts = { removed: removed.length, orphans: orphans.length, entries: entries.length };
      log.info({ table: name, ...counts }, dryRun ? "would delete" : "deleted");
      if (waiting > 0)
        log.info(
          { table: name, files: waiting },
          "left: age is counted to the newest commit, and that was too long ago",
        );
    }
    if (json) process.stdout.write(`${JSON.stringify(plans)}\n`);
  },
});
