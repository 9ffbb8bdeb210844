// Partitions whose reading waits for the end of a transaction: a producer that hangs or died holds back all that others
// write behind it, for as long as the broker lets it. Pure; the clock is an argument.
import type { Bounds } from "../../shared/kafka/port.ts";

export interface OpenTransactions {
  looked(bounds: readonly Bounds[], positions: ReadonlyMap<number, number>, now: number): void;
  /** The first offset that may not be read yet, and for how long so, ms; undefined where nothing waits. */
  waitOf(partition: number, now: number): { readonly offset: number; readonly ms: number } | undefined;
  /** The longest that a partition has waited, ms; 0 where none does. */
  longest(now: number): number;
}

export function openTransactions(): OpenTransactions {
  const waits = new Map<number, { readonly offset: number; readonly since: number }>();
  return {
    looked: (bounds, positions, now) => {
      const before = new Map(waits);
      waits.clear();
      for (const { partition, stable, end } of bounds) {
        const at = positions.get(partition);
        if (at === undefined || at < stable || stable >= end) continue;
        const known = before.get(partition);
        waits.set(partition, known?.offset === stable ? known : { offset: stable, since: now });
      }
    },
    waitOf: (partition, now) => {
      const wait = waits.get(partition);
      return wait && { offset: wait.offset, ms: now - wait.since };
    },
    longest: (now) => Math.max(0, ...[...waits.values()].map(({ since }) => now - since)),
  };
}
