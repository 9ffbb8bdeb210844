// The verify command: proves from the files alone that the table holds every offset of every partition once, up to where its log says it stands.
import { z } from "zod";
import { Coverage, type Range } from "../../shared/table/coverage.ts";
import { openDeadLetters, readDeadLetters } from "../../shared/table/dead-letters.ts";
import type { DeltaTable } from "../../shared/table/delta.ts";
import { openExistingEvents, readEvents } from "../../shared/table/events.ts";
import { readItems } from "../../shared/table/items.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";

interface PartitionReport {
  readonly partition: number;
  /** null when nothing of the partition was found. */
  readonly first: number | null;
  /** The last offset that the log says is done; null when the log says nothing of the partition. */
  readonly last: number | null;
  readonly rows: number;
  readonly dead: number;
  readonly missing: number;
  readonly duplicated: number;
}

interface Report {
  readonly ok: boolean;
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  readonly items: number;
  readonly partitions: readonly PartitionReport[];
  readonly problems: readonly string[];
}

interface Found {
  readonly coverage: Coverage;
  rows: number;
  dead: number;
}

/** Problems of one kind that are listed one by one. */
const listed = 5;

export const command = defineCommand({
  name: "verify",
  summary: "Prove that a table holds every offset once, none missing, every file readable",
  options: z.object({
    table: z.string().optional().describe("the table's folder (default: the one in --data-dir)"),
    deadLetters: z
      .string()
      .optional()
      .describe("the dead letters' folder, which explain offsets that are no row (default: the one in --data-dir)"),
    dataDir: z.string().default(".tributary").describe("where tables, models and logs lie"),
    json: z.boolean().default(false).describe("print the report as JSON"),
  }),
  async run(config) {
    const paths = pathsOf(config.dataDir);
    const report = await verify(config.table ?? paths.table, config.deadLetters ?? paths.deadLetters);
    process.stdout.write(config.json ? `${JSON.stringify(report)}\n` : asText(report));
    if (!report.ok) process.exitCode = 1;
  },
});

/** Throws TABLE_MISSING, and TABLE_CORRUPT when the log itself cannot be read. What is wrong with the rows is told in `problems`. */
async function verify(tableDir: string, deadLettersDir: string): Promise<Report> {
  const table = await openExistingEvents(tableDir);
  const problems: string[] = [];
  const found = new Map<number, Found>();
  const of = (partition: number): Found => {
    const known = found.get(partition) ?? { coverage: new Coverage(), rows: 0, dead: 0 };
    found.set(partition, known);
    return known;
  };

  for (const file of table.files) {
    await noting(problems, async () => {
      const { partition, offset } = await readEvents(table.store, file);
      for (let k = 0; k < file.rows; k++) {
        const here = of(partition[k]!);
        here.coverage.add(offset[k]!);
        here.rows++;
      }
    });
  }
  const { topics, done } = progressOf(table);
  await noting(problems, () => addDeadLetters(deadLettersDir, topics, done, of));
  let items = 0;
  await noting(problems, async () => {
    items = (await readItems(tableDir)).length;
  });

  const numbers = [...new Set([...found.keys(), ...done.keys()])].sort((a, b) => a - b);
  const partitions = numbers.map((partition) => judge(partition, of(partition), done.get(partition), problems));
  return { ok: problems.length === 0, version: table.version, files: table.files.length, rows: table.rows, items, partitions, problems };
}

/** A file that cannot be read is a problem to report; reading goes on. */
async function noting(problems: string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    problems.push(error.message);
  }
}

/** Where the log says each partition stands. The txn of a partition is called topic/partition. */
function progressOf(table: DeltaTable): { topics: ReadonlySet<string>; done: ReadonlyMap<number, number> } {
  const topics = new Set<string>();
  const done = new Map<number, number>();
  for (const [appId, version] of table.offsets) {
    const slash = appId.lastIndexOf("/");
    const partition = Number(appId.slice(slash + 1));
    if (slash < 0 || !Number.isInteger(partition)) continue;
    topics.add(appId.slice(0, slash));
    done.set(partition, Math.max(version, done.get(partition) ?? -1));
  }
  return { topics, done };
}

/** Dead letters are written before the events of the same messages are committed: those beyond the log's offset are not yet due. */
async function addDeadLetters(
  dir: string,
  topics: ReadonlySet<string>,
  done: ReadonlyMap<number, number>,
  of: (partition: number) => Found,
): Promise<void> {
  const letters = await openDeadLetters(dir);
  for (const file of letters.files) {
    for (const { topic, partition, offset } of await readDeadLetters(letters.store, file)) {
      if (!topics.has(topic) || offset > (done.get(partition) ?? -1)) continue;
      const here = of(partition);
      here.coverage.add(offset);
      here.dead++;
    }
  }
}

function judge(partition: number, { coverage, rows, dead }: Found, last: number | undefined, problems: string[]): PartitionReport {
  const name = `partition ${partition}`;
  if (coverage.repeated > 0) problems.push(`${name}: ${coverage.repeated} offsets stand twice`);
  if (last === undefined) problems.push(`${name}: has rows, but the log has no txn of it`);
  else if (coverage.last > last) problems.push(`${name}: has offset ${coverage.last}, but the log stands at ${last}`);
  const holes: Range[] = [];
  let missing = 0;
  if (coverage.seen > 0) {
    for (const hole of coverage.holes(Math.max(last ?? -1, coverage.last))) {
      missing += hole.to - hole.from + 1;
      if (holes.length < listed) holes.push(hole);
    }
  } else if (last !== undefined && last >= 0) problems.push(`${name}: the log stands at ${last}, but no row or dead letter was found`);
  if (missing > 0) {
    const where = holes.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(", ");
    problems.push(`${name}: ${missing} offsets are missing, the first at ${where}`);
  }
  const first = coverage.seen > 0 ? coverage.first : null;
  return { partition, first, last: last ?? null, rows, dead, missing, duplicated: coverage.repeated };
}

function asText({ ok, version, files, rows, items, partitions, problems }: Report): string {
  const header = ["partition", "first", "last", "rows", "dead", "missing", "duplicated"] as const;
  const table = [header.map(String), ...partitions.map((each) => header.map((name) => String(each[name] ?? "-")))];
  const widths = header.map((_, k) => Math.max(...table.map((row) => row[k]!.length)));
  const lines = table.map((row) => row.map((cell, k) => cell.padStart(widths[k]!)).join("  "));
  const verdict = ok
    ? "every offset once, none missing, every file readable"
    : `${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  const summary = `version ${version}, ${files} files, ${rows} rows, ${items} items: ${verdict}`;
  return `${[...lines, "", summary, ...problems.map((problem) => `  ${problem}`)].join("\n")}\n`;
}
