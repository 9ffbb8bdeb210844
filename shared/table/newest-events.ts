// The newest events of a table, in the order in which they came: for whoever counts what is new and was not there to
// see it come.
import { AppError } from "../errors/errors.ts";
import { rowsOf } from "../events/text.ts";
import { openEvents, readEvents } from "./events.ts";
import type { DataFile } from "./log.ts";
import { progressId } from "./progress.ts";

export interface Event {
  readonly user: string;
  readonly item: string;
}

/**
 * About the newest `most` as of a version, oldest first; none where that version is no longer kept. Files tell no order
 * once they were merged, and times are whatever producers send: what counts is Kafka's offset. Partitions, which have
 * no order among them, are laid side by side, as users are spread over them evenly.
 */
export async function newestEvents(tableDir: string, version: number, most: number): Promise<Event[]> {
  try {
    return await read(tableDir, version, most);
  } catch (error) {
    if (error instanceof AppError && (error.code === "VERSION_GONE" || error.code === "TABLE_CORRUPT")) return [];
    throw error;
  }
}

interface Placed extends Event {
  /** Of which topic. */
  readonly partition: string;
  readonly offset: number;
}

async function read(tableDir: string, version: number, most: number): Promise<Event[]> {
  const { files, store, topicOfBefore } = await openEvents(tableDir, version);
  const placed: Placed[] = [];
  for (const file of [...files].sort((a, b) => newestOffset(b) - newestOffset(a))) {
    if (placed.length >= most) break;
    const { user, item, source, partition, offset, length } = await readEvents(store, file);
    const [users, items, sources] = [rowsOf(user, length), rowsOf(item, length), rowsOf(source, length)];
    for (let k = 0; k < length; k++)
      placed.push({
        ...{ user: users[k]!, item: items[k]!, offset: offset[k]! },
        partition: progressId(sources[k] || topicOfBefore, partition[k]!),
      });
  }
  return inOrder(placed).slice(-most);
}

/** -1 where the statistics do not say. */
function newestOffset({ stats }: DataFile): number {
  const offset = (JSON.parse(stats) as { maxValues?: Record<string, unknown> }).maxValues?.kafka_offset;
  return typeof offset === "number" ? offset : -1;
}

function inOrder(placed: readonly Placed[]): Event[] {
  const spans = new Map<string, { oldest: number; newest: number }>();
  for (const { partition, offset } of placed) {
    const { oldest, newest } = spans.get(partition) ?? { oldest: offset, newest: offset };
    spans.set(partition, { oldest: Math.min(oldest, offset), newest: Math.max(newest, offset) });
  }
  const age = ({ partition, offset }: Placed) => {
    const { oldest, newest } = spans.get(partition)!;
    return (newest - offset) / (newest - oldest + 1);
  };
  return placed
    .map((event) => ({ event, age: age(event) }))
    .sort((a, b) => b.age - a.age)
    .map(({ event: { user, item } }) => ({ user, item }));
}
