// The tables of what was read and written, and of what went wrong: partitions, files, recent problems.
import { bytes, count, duration, elapsed } from "../../../shared/health/views/figures.ts";
import type { Health } from "../../../shared/health/views/health.ts";
import { partitionName } from "../../../shared/health/views/partition-name.ts";
import { clock } from "./elements.ts";
import { symbols } from "./figures.ts";
import { makeTable } from "./table.ts";

const figure = (title: string) => ({ title, kind: "figure" as const });

const showPartitions = makeTable({
  host: "section-partitions",
  label: "Table of partitions",
  columns: [
    { title: "Partition" },
    ...["Offset", "Lag", "Behind", "Written", "Dead", "Filtered"].map(figure),
    { title: "Reading" },
  ],
  empty: "ingest has no partition yet: it runs with `tributary ingest`",
});

const showFiles = makeTable({
  host: "section-files",
  label: "Table of the newest commits",
  columns: [
    { title: "Version" },
    { title: "Committed" },
    ...["Events", "Rows", "Size", "Commit took"].map(figure),
    { title: "Ended by" },
  ],
  empty: "nothing has been committed since ingest started",
});

const showProblems = makeTable({
  host: "section-problems",
  label: "Table of recent problems",
  columns: [
    { title: "Last seen" },
    { title: "Service" },
    { title: "Problem" },
    { title: "What, and what to do", kind: "long" },
    figure("Times"),
    { title: "First seen" },
  ],
  empty: "none has been seen since the dashboard started",
});

/** What ends a file, in words. */
const causes: Record<string, string> = {
  rows: "enough rows",
  bytes: "enough bytes",
  age: "age",
  end: "end",
  rebalance: "rebalance",
};

type Partition = NonNullable<Health["ingest"]>["partitions"][number];

function doing({ paused, openTransaction, lost }: Partition): string {
  const now = openTransaction ? "waits for an open transaction" : paused ? "paused" : "going on";
  return (lost ?? 0) > 0 ? `${now}, ${count(lost)} lost` : now;
}

export function showTables({ ingest, recent, at }: Health): void {
  showPartitions(
    (ingest?.partitions ?? []).map((each, _, all) => ({
      id: `${each.topic}/${each.partition}`,
      cells: [
        partitionName(each, all),
        ...[count(each.offset), count(each.lag)],
        { text: duration(each.lagSeconds), sort: each.lagSeconds },
        ...[count(each.written), count(each.dead), count(each.filtered)],
        doing(each),
      ],
    })),
  );
  showFiles(
    [...(ingest?.commits ?? [])].reverse().map((commit) => ({
      id: `${commit.at}/${commit.version}`,
      cells: [
        count(commit.version),
        { text: clock(commit.at), sort: commit.at },
        ...[count(commit.events), count(commit.rows)],
        { text: bytes(commit.bytes), sort: commit.bytes },
        { text: elapsed(commit.seconds), sort: commit.seconds },
        causes[commit.cause ?? ""] ?? "–",
      ],
    })),
  );
  showProblems(
    recent.map(({ code, service, level, reason, hint, isOpen, firstAt, lastAt, count: times }) => ({
      id: code,
      state: isOpen ? level : "over",
      cells: [
        { text: isOpen ? `${symbols[level]} now` : `${clock(lastAt)}, over`, sort: isOpen ? at : lastAt },
        service,
        code,
        { text: reason, note: hint },
        count(times),
        { text: clock(firstAt), sort: firstAt },
      ],
    })),
  );
}
