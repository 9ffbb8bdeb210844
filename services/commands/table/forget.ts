// The forget command: erases a user. The rows and dead letters leave the tables in one commit each; vacuum deletes the
// bytes. The evaluator's files are written anew.
import { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import { count } from "../../../shared/health/views/figures.ts";
import { eraseUser } from "../../../shared/judging/per-user.ts";
import { readersIn } from "../../../shared/kafka/schemas/letter-readers.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { onOneLine } from "../../../shared/runtime/printable.ts";
import { told } from "../../../shared/runtime/working.ts";
import { mustExist } from "../../../shared/table/delta.ts";
import { eraseRows } from "../../../shared/table/erasure.ts";
import {
  eraseLetters,
  fatesOfUnreadable,
  type LetterErasure,
  type Unread,
} from "../../../shared/table/letter-erasure.ts";
import { readerIn } from "../../../shared/table/shapes.ts";
import { openTables } from "../../../shared/table/tables.ts";

export const command = defineCommand({
  name: "forget",
  summary: "Erase a user's rows, dead letters and figures, so that no later training sees them",
  options: z.object({
    user: z.string().min(1).describe("the user's name, as it stands in the events"),
    table: location().optional().describe("the table's folder (default: the one in --data-dir)"),
    deadLetters: location().optional().describe("the dead letters' folder (default: the one in --data-dir)"),
    unreadable: z
      .enum(fatesOfUnreadable)
      .default("keep")
      .describe(
        "what becomes of dead letters of which nobody can tell whose they are (broken ones, a schema that is not " +
          "known, a user that stood in the key): kept and told, erased where their bytes hold the name, or all",
      ),
    dataDir: folder().default(".tributary").describe("where tables, models and logs lie"),
    json: z.boolean().default(false).describe("print what was done as JSON"),
  }),
  async run({ user, table, deadLetters, unreadable, dataDir, json }) {
    const paths = pathsOf(dataDir);
    const tables = await openTables(table ?? paths.table, deadLetters ?? paths.deadLetters);
    mustExist(tables.events); // a wrong --table is another mistake than an unknown user
    const rows = await told("looking through the rows", (along) => eraseRows(tables, user, along));
    const evaluations = await eraseUser(paths.perUser, user);
    let unread: readonly Unread[] = [];
    const { properties } = tables.events;
    const readers = readersIn(properties);
    const erasure: LetterErasure = {
      // whoever erases what cannot be read needs no registry
      readerOf: (topic, values) =>
        readers(topic, values).catch((error) => {
          if (unreadable === "keep" || !isAway(error)) throw error;
          return readerIn(properties, topic);
        }),
      unreadable,
      unread: (left) => {
        unread = left;
      },
    };
    const letters = await told("looking through the dead letters", (along) =>
      eraseLetters(tables, user, { ...erasure, along }),
    );
    if (rows.erased + letters.erased + evaluations === 0)
      throw new AppError("USER_UNKNOWN", {
        what: ["neither a row nor a dead letter is of this user", ...unreadLines(unread)].join(". "),
      });
    const report = {
      rows: rows.erased,
      files: rows.files,
      letters: letters.erased,
      letterFiles: letters.files,
      evaluations,
      version: tables.events.version,
    };
    process.stdout.write(json ? `${JSON.stringify({ ...report, unread })}\n` : asText(report, unread));
  },
});

const isAway = (error: unknown) => error instanceof AppError && error.code === "REGISTRY_AWAY";

type Report = Readonly<Record<"rows" | "files" | "letters" | "letterFiles" | "evaluations" | "version", number>>;

function asText(report: Report, unread: readonly Unread[]): string {
  const { rows, files, letters, letterFiles, evaluations, version } = report;
  return [
    `${rows} rows of ${files} files and ${letters} dead letters of ${letterFiles} files are gone from version ` +
      `${version} on.`,
    ...(evaluations > 0 ? [`The user's figures were taken out of ${evaluations} evaluations.`] : []),
    ...unreadLines(unread),
    "Their bytes lie there until the first `tributary vacuum` after its retention (168h).",
    "To delete them at once, stop ingest and compaction, then run `tributary vacuum --retention 0h`.\n",
  ].join("\n");
}

/** What stays, since nobody can tell of whom it is, and what is to be done about it. */
function unreadLines(unread: readonly Unread[]): string[] {
  if (unread.length === 0) return [];
  const naming = unread.reduce((sum, each) => sum + each.naming, 0);
  const kinds = unread.map(({ topic, reason, letters, naming }) => {
    const held = naming > 0 ? `, ${count(naming)} of them hold the name in their bytes` : "";
    return `${count(letters)} of ${onOneLine(topic)} (${reason}${held})`;
  });
  return [
    `Dead letters that cannot be read stay, whoever they are of: ${kinds.join("; ")}`,
    ...(naming > 0 ? ["`--unreadable naming` erases those that hold the name"] : []),
    "`--unreadable all` erases all of them; those of a schema that is unknown are read once the registry has it",
  ];
}
