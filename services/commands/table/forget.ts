// The forget command: erases a user. The rows and dead letters leave the tables in one commit each; vacuum deletes the
// bytes. The evaluator's files are written anew.
import { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import { eraseUser } from "../../../shared/judging/per-user.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { told } from "../../../shared/runtime/working.ts";
import { mustExist } from "../../../shared/table/delta.ts";
import { eraseLetters, eraseRows } from "../../../shared/table/erasure.ts";
import { openTables } from "../../../shared/table/tables.ts";

export const command = defineCommand({
  name: "forget",
  summary: "Erase a user's rows, dead letters and figures, so that no later training sees them",
  options: z.object({
    user: z.string().min(1).describe("the user's name, as it stands in the events"),
    table: location().optional().describe("the table's folder (default: the one in --data-dir)"),
    deadLetters: location().optional().describe("the dead letters' folder (default: the one in --data-dir)"),
    dataDir: folder().default(".tributary").describe("where tables, models and logs lie"),
    json: z.boolean().default(false).describe("print what was done as JSON"),
  }),
  async run({ user, table, deadLetters, dataDir, json }) {
    const paths = pathsOf(dataDir);
    const tables = await openTables(table ?? paths.table, deadLetters ?? paths.deadLetters);
    mustExist(tables.events); // a wrong --table is another mistake than an unknown user
    const rows = await told("looking through the rows", (along) => eraseRows(tables, user, along));
    const letters = await told("looking through the dead letters", (along) => eraseLetters(tables, user, along));
    const evaluations = await eraseUser(paths.perUser, user);
    if (rows.erased + letters.erased + evaluations === 0)
      throw new AppError("USER_UNKNOWN", { what: "neither a row nor a dead letter is of this user" });
    const report = {
      rows: rows.erased,
      files: rows.files,
      letters: letters.erased,
      letterFiles: letters.files,
      evaluations,
      version: tables.events.version,
    };
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : asText(report));
  },
});

type Report = Readonly<Record<"rows" | "files" | "letters" | "letterFiles" | "evaluations" | "version", number>>;

function asText({ rows, files, letters, letterFiles, evaluations, version }: Report): string {
  return [
    `${rows} rows of ${files} files and ${letters} dead letters of ${letterFiles} files are gone from version ` +
      `${version} on.`,
    ...(evaluations > 0 ? [`The user's figures were taken out of ${evaluations} evaluations.`] : []),
    "Their bytes lie there until the first `tributary vacuum` after its retention (168h).",
    "To delete them at once, stop ingest and compaction, then run `tributary vacuum --retention 0h`.\n",
  ].join("\n");
}
