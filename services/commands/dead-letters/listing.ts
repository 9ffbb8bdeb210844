// Which letters `list` shows, and how they look in a terminal. Pure.
import { type DeadReason, deadReasons } from "../../../shared/events/event.ts";
import { aligned } from "../../../shared/health/views/columns.ts";
import { count, plural } from "../../../shared/health/views/figures.ts";
import { printable, printableBytes } from "../../../shared/runtime/printable.ts";
import type { Listed } from "./lines.ts";

export interface Filter {
  readonly reason?: DeadReason | undefined;
  readonly partition?: number | undefined;
  /** Those that were sent back too. */
  readonly all: boolean;
}

/** Counts what passes a filter. */
export interface Tally {
  takes(letter: Listed): boolean;
  readonly reasons: ReadonlyMap<DeadReason, number>;
  /** Letters left out because they were sent back. */
  readonly leftOut: number;
}

export function tallyOf({ reason, partition, all }: Filter): Tally {
  const reasons = new Map<DeadReason, number>();
  let leftOut = 0;
  return {
    reasons,
    get leftOut() {
      return leftOut;
    },
    takes: (letter) => {
      if ((reason ?? letter.reason) !== letter.reason || (partition ?? letter.partition) !== letter.partition)
        return false;
      if (!all && letter.sentBackAt !== null) {
        leftOut++;
        return false;
      }
      reasons.set(letter.reason, (reasons.get(letter.reason) ?? 0) + 1);
      return true;
    },
  };
}

export interface Newest {
  add(letter: Listed): void;
  /** The newest last. */
  readonly letters: readonly Listed[];
}

/** Keeps the newest `limit` of however many: a table may hold more than memory does. */
export function newestOf(limit: number): Newest {
  let kept: Listed[] = [];
  const cut = () => {
    kept = kept
      .sort((a, b) => a.timestamp - b.timestamp || a.partition - b.partition || a.offset - b.offset)
      .slice(-limit);
    return kept;
  };
  return {
    add: (letter) => {
      if (kept.push(letter) >= 2 * limit) cut();
    },
    get letters() {
      return cut();
    },
  };
}

const mostOfValue = 60;
const mostOfTopic = 40;

/** The letters as a table, then how many there are of each reason. */
export function listingText(letters: readonly Listed[], { reasons, leftOut }: Tally): string {
  const hidden =
    leftOut > 0
      ? `${plural(leftOut, "letter")} sent back ${leftOut === 1 ? "is" : "are"} left out (--all shows them)\n`
      : "";
  if (letters.length === 0) return `no dead letters\n${hidden}`;
  const total = [...reasons.values()].reduce((a, b) => a + b, 0);
  const rows = letters.map(({ timestamp, topic, partition, offset, reason, value, sentBackAt }) => [
    timeOf(timestamp),
    `${printable(topic, mostOfTopic)}/${partition}/${offset}`,
    reason,
    `${value === null ? "" : printableBytes(value, mostOfValue)}` +
      `${sentBackAt === null ? "" : ` (sent back ${timeOf(sentBackAt)})`}`,
  ]);
  const counts = [...reasons]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, n]) => [reason, count(n), deadReasons[reason]]);
  const shown =
    total > letters.length ? `the newest ${count(letters.length)} of ${count(total)} (--limit N shows more)\n` : "";
  return (
    `${aligned([["time", "topic/partition/offset", "reason", "value"], ...rows])}\n${aligned(counts)}${shown}` +
    `${hidden}`
  );
}

/** Producers set times as they like. */
function timeOf(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString();
}
