// The compact command: small files of events become large ones. Ingest starts it in the background; anybody may, at any
// time.
import { z } from "zod";
import { size } from "../../../shared/runtime/amount.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { lineBeside, told } from "../../../shared/runtime/working.ts";
import { compact } from "../../../shared/table/compaction.ts";
import { openExistingEvents } from "../../../shared/table/events.ts";

export const command = defineCommand({
  name: "compact",
  summary: "Merge the table's small files into large ones, in order of bucket and user; readers see before or after",
  options: z.object({
    table: location().optional().describe("the table's folder (default: the one in --data-dir)"),
    dataDir: folder().default(".tributary").describe("where tables, models and logs lie"),
    targetSize: size("1kB", "1GB")
      .prefault("32MB")
      .describe("size of the merged files, such as 32MB; those of half of it and more are left alone"),
    json: z.boolean().default(false).describe("print what was done as JSON"),
  }),
  async run({ table: dir, dataDir, targetSize, json }, until) {
    const log = createLog("compact");
    const table = await openExistingEvents(dir ?? pathsOf(dataDir).table);
    const startedAt = performance.now();
    const onUnit = ({ files, lost }: { files: number; lost: boolean }) => {
      if (lost) log.info({ files }, "another process has rewritten these files; they are left to it");
      else log.debug({ files }, "merged");
    };
    const wanted = { targetBytes: targetSize, onUnit, signal: until.signal };
    const done = await told("compacting", (along) => compact(table, { ...wanted, along }), lineBeside(log));
    log.info(
      { ...done, seconds: (performance.now() - startedAt) / 1000 },
      done.units > 0 ? "compacted" : "nothing to compact",
    );
    if (json) process.stdout.write(`${JSON.stringify(done)}\n`);
  },
});
