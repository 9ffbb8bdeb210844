// Which offsets stand among the dead letters and the filtered already, beyond what the events' log says is done: of a
// writer that died between two commits. Ours would make the same of each message, but Kafka may have deleted or
// compacted it away since.
import type { Range } from "./coverage.ts";
import { readDeadLetters } from "./dead-letters.ts";
import { readFiltered } from "./filtered.ts";
import type { DataFile } from "./log.ts";
import type { Tables } from "./tables.ts";

/** What stands on record of a partition between two offsets, both included; in no order. */
export async function onRecord(
  { deadLetters, filtered }: Pick<Tables, "deadLetters" | "filtered">,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  { from, to }: Range,
): Promise<Range[]> {
  const found: Range[] = [];
  for (const file of deadLetters.files) {
    if (endsBefore(file, "kafka_offset", from)) continue;
    for (const letter of await readDeadLetters(deadLetters.store, file))
      if (letter.topic === topic && letter.partition === partition)
        found.push({ from: letter.offset, to: letter.offset });
  }
  for (const file of filtered.files) {
    if (endsBefore(file, "last_offset", from)) continue;
    for (const range of await readFiltered(filtered.store, file))
      if (range.topic === topic && range.partition === partition) found.push({ from: range.first, to: range.last });
  }
  return found.filter((range) => range.to >= from && range.from <= to);
}

/** Never true where the statistics do not say. */
function endsBefore({ stats }: DataFile, column: string, offset: number): boolean {
  const greatest = (JSON.parse(stats) as { maxValues?: Record<string, unknown> }).maxValues?.[column];
  return typeof greatest === "number" && greatest < offset;
}

/** What is left of a range, in order. Pure. */
export function without({ from, to }: Range, taken: readonly Range[]): Range[] {
  const left: Range[] = [];
  let next = from;
  for (const range of [...taken].sort((a, b) => a.from - b.from)) {
    if (range.from > to) break;
    if (range.from > next) left.push({ from: next, to: range.from - 1 });
    next = Math.max(next, range.to + 1);
  }
  if (next <= to) left.push({ from: next, to });
  return left;
}
