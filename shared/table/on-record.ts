// Which offsets stand among the dead letters and the filtered already, beyond what the events' log says is done: of a
// writer that died, or was fenced, between the two commits. Whoever reads on honours them, whatever it would have made
// of these messages itself: by another map, by a registry that knows more by now, of a topic compacted meanwhile.
import type { DeadReason } from "../events/event.ts";
import type { Range } from "./coverage.ts";
import { readDeadLetters } from "./dead-letters.ts";
import { type FilterReason, readFiltered } from "./filtered.ts";
import type { DataFile } from "./log.ts";
import type { Tables } from "./tables.ts";

/** Offsets that have their fate. */
export type Recorded = Range &
  (
    | { readonly fate: "dead"; readonly reason: DeadReason }
    | { readonly fate: "filtered"; readonly reason: FilterReason }
  );

/** What stands on record of a partition from an offset on: in order, none twice. Throws TABLE_CORRUPT. */
export async function recordedFrom(
  { deadLetters, filtered }: Pick<Tables, "deadLetters" | "filtered">,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  from: number,
): Promise<Recorded[]> {
  const found: Recorded[] = [];
  const isOurs = (each: { readonly topic: string; readonly partition: number }) =>
    each.topic === topic && each.partition === partition;
  for (const file of deadLetters.files) {
    if (endsBefore(file, "kafka_offset", from)) continue;
    for (const letter of await readDeadLetters(deadLetters.store, file)) {
      const { offset, reason } = letter;
      if (isOurs(letter)) found.push({ from: offset, to: offset, fate: "dead", reason });
    }
  }
  for (const file of filtered.files) {
    if (endsBefore(file, "last_offset", from)) continue;
    for (const range of await readFiltered(filtered.store, file)) {
      const { first, last, reason } = range;
      if (isOurs(range)) found.push({ from: first, to: last, fate: "filtered", reason });
    }
  }
  return inOrder(found, from);
}

/** Never true where the statistics do not say. */
function endsBefore({ stats }: DataFile, column: string, offset: number): boolean {
  const greatest = (JSON.parse(stats) as { maxValues?: Record<string, unknown> }).maxValues?.[column];
  return typeof greatest === "number" && greatest < offset;
}

/** From an offset on. An erasure that was cut off has its letter on record twice: it counts once. Pure. */
function inOrder(found: readonly Recorded[], from: number): Recorded[] {
  const ordered: (Recorded & { to: number })[] = [];
  let next = from;
  for (const each of found.toSorted((a, b) => a.from - b.from)) {
    if (each.to < next) continue;
    const last = ordered.at(-1);
    const begin = Math.max(next, each.from);
    if (last?.to === begin - 1 && last.fate === each.fate && last.reason === each.reason) last.to = each.to;
    else ordered.push({ ...each, from: begin });
    next = each.to + 1;
  }
  return ordered;
}
