// The verify command: prints the proof of a table, or what is wrong with it.
import { z } from "zod";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder, location } from "../../../shared/runtime/location.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { onOneLine } from "../../../shared/runtime/printable.ts";
import { told } from "../../../shared/runtime/working.ts";
import { prove, type Report } from "./proof.ts";

export const command = defineCommand({
  name: "verify",
  summary: "Prove that a table holds every offset once, none missing, every file readable",
  options: z.object({
    table: location().optional().describe("the table's folder (default: the one in --data-dir)"),
    deadLetters: location()
      .optional()
      .describe("the dead letters' folder, which explain offsets that are no row (default: the one in --data-dir)"),
    dataDir: folder().default(".tributary").describe("where tables, models and logs lie"),
    json: z.boolean().default(false).describe("print the report as JSON"),
  }),
  async run(config) {
    const paths = pathsOf(config.dataDir);
    const report = await told("reading every file", (along) =>
      prove(config.table ?? paths.table, config.deadLetters ?? paths.deadLetters, along),
    );
    process.stdout.write(config.json ? `${JSON.stringify(report)}\n` : asText(report));
    if (!report.ok) process.exitCode = 1;
  },
});

function asText({ ok, version, files, rows, items, unprotected, partitions, problems }: Report): string {
  const header = [
    "topic",
    "epoch",
    "partition",
    "first",
    "last",
    "rows",
    "dead",
    "filtered",
    "leftOut",
    "lost",
    "read",
    "missing",
    "duplicated",
  ] as const;
  const table = [
    header.map((name) => (name === "leftOut" ? "left out" : name)),
    ...partitions.map((each) => header.map((name) => onOneLine(String(each[name] ?? "-")))),
  ];
  const widths = header.map((_, k) => Math.max(...table.map((row) => row[k]!.length)));
  const lines = table.map((row) => row.map((cell, k) => cell.padStart(widths[k]!)).join("  "));
  const verdict = ok
    ? "every offset once, none missing, every file readable"
    : `${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  const summary = `version ${version}, ${files} files, ${rows} rows, ${items} items: ${verdict}`;
  const lost = partitions.reduce((sum, each) => sum + each.lost, 0);
  const left =
    lost === 0 ? [] : [`  ${lost} offsets are on record as lost: Kafka deleted their messages before they were read`];
  const bare =
    unprotected === 0
      ? []
      : [
          `  ${unprotected} of all files have no hash in the log (other writers', or older ones): a flipped bit in ` +
            "them is not seen",
        ];
  const found = problems.map((problem) => `  ${onOneLine(problem)}`);
  return `${[...lines, "", summary, ...left, ...bare, ...found].join("\n")}\n`;
}
