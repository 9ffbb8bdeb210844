// Ingest in a terminal: a line for each partition, those furthest behind first, and one line of what its commits were
// like. Pure.
import { printable } from "../../runtime/printable.ts";
import { type Ingest, inOrder } from "../facts/ingest.ts";
import { columns } from "./columns.ts";
import { bytes, count, duration, elapsed, plural } from "./figures.ts";
import { partitionName } from "./partition-name.ts";

const mostPartitions = 8;
const mostFields = 5;
/** Producers name fields as they like. */
const mostOfName = 40;
const header = ["partition", "offset", "lag", "behind", "written", "dead", "filtered"];

/** Lines without their ends, indented as the rest of `status`. */
export function ingestLines(status: Ingest): string[] {
  const rest = [commitLine(status), ...status.maps.flatMap(mapLine), ...status.warnings];
  return [...partitionLines(status), ...rest.map((line) => `  ${line}`)];
}

/** Nothing of a topic whose events always were of our own shape. */
function mapLine({ topic, map, where, registry, changedAt, before }: Ingest["maps"][number]): string[] {
  const flags = [
    ...(map ? [`--map "${map}"`] : []),
    ...(where ? [`--where "${where}"`] : []),
    ...(registry ? [`--schema-registry ${registry}`] : []),
  ];
  if (flags.length === 0 && changedAt === null) return [];
  const how = flags.length > 0 ? flags.join(" ") : "events of our own shape";
  const since =
    changedAt === null ? "" : `, since ${new Date(changedAt).toISOString()}${before ? `; before: ${before}` : ""}`;
  return [`${topic} is read as ${how}${since}`];
}

function partitionLines({ partitions }: Ingest): string[] {
  if (partitions.length === 0) return [];
  const furthest = [...partitions].sort((a, b) => (b.lag ?? 0) - (a.lag ?? 0) || inOrder(a, b));
  const shown = furthest.slice(0, mostPartitions);
  const rows = shown.map((each) => [
    partitionName(each, partitions),
    ...[each.offset, each.lag].map(count),
    duration(each.lagSeconds),
    ...[each.written, each.dead, each.filtered].map(count),
  ]);
  const [first, ...lines] = columns(header, rows);
  const more = partitions.length - shown.length;
  return [
    first!,
    ...lines.map((line, k) => [line, ...remarksOn(shown[k]!)].join("  ")),
    ...(more > 0 ? [`  ... and ${more} more`] : []),
  ];
}

function remarksOn({ paused, lost, openTransaction }: Ingest["partitions"][number]): string[] {
  return [
    ...(paused ? ["paused"] : []),
    ...(openTransaction ? [`waits for an open transaction (${duration(openTransaction.seconds)})`] : []),
    ...((lost ?? 0) > 0 ? [`${count(lost)} lost`] : []),
  ];
}

function commitLine({ flushes, lastCommit, rebalances, fenced, unknownFields }: Ingest): string {
  const flushed = Object.values(flushes).reduce((a, b) => a + b, 0);
  const causes = counted(flushes);
  const fields = counted(unknownFields);
  const more = fields.length - mostFields;
  return [
    `${flushed === 1 ? "1 flush" : `${count(flushed)} flushes`}${causes.length > 0 ? ` (${causes.join(", ")})` : ""}`,
    ...(lastCommit
      ? [
          `last file ${plural(lastCommit.rows ?? 0, "row")}, ${bytes(lastCommit.bytes)}, committed in ` +
            `${elapsed(lastCommit.seconds)}`,
        ]
      : []),
    plural(rebalances ?? 0, "rebalance"),
    `${plural(fenced ?? 0, "commit")} fenced`,
    ...(fields.length > 0
      ? [`unknown fields: ${fields.slice(0, mostFields).join(", ")}${more > 0 ? ` and ${more} more` : ""}`]
      : []),
  ].join(" · ");
}

/** `age 12`, greatest first, without zeros. */
function counted(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${printable(name, mostOfName)} ${count(n)}`);
}
