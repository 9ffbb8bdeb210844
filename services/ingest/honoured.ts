// Offsets ahead of us whose fate is on record already, which nobody judges again: by partition, as the tables told it
// when the partition was assigned. Pure; almost always empty.
import type { Recorded } from "../../shared/table/on-record.ts";

export interface Honoured {
  /** Of a partition, instead of what was known of it: in order, none twice. */
  set(partition: number, recorded: readonly Recorded[]): void;
  /** Pieces of what lies between two offsets, the second excluded: on record, or nobody's yet (null). In order. */
  pieces(partition: number, from: number, to: number): Piece[];
  /** The first of these pieces. */
  next(partition: number, from: number, to: number): Piece;
}

export interface Piece {
  /** The offset before which it ends. */
  readonly to: number;
  readonly recorded: Recorded | null;
}

export function openHonoured(): Honoured {
  /** Reading goes ahead: what was passed is left behind. */
  const ahead = new Map<number, { readonly all: readonly Recorded[]; passed: number }>();

  function next(partition: number, from: number, to: number): Piece {
    const here = ahead.get(partition);
    if (here === undefined) return { to, recorded: null };
    while (here.passed < here.all.length && here.all[here.passed]!.to < from) here.passed++;
    const recorded = here.all[here.passed];
    if (recorded === undefined) {
      ahead.delete(partition);
      return { to, recorded: null };
    }
    if (recorded.from > from) return { to: Math.min(to, recorded.from), recorded: null };
    return { to: Math.min(to, recorded.to + 1), recorded };
  }

  return {
    set: (partition, recorded) => {
      if (recorded.length === 0) ahead.delete(partition);
      else ahead.set(partition, { all: recorded, passed: 0 });
    },
    next,
    pieces: (partition, from, to) => {
      const found: Piece[] = [];
      for (let at = from; at < to; at = found.at(-1)!.to) found.push(next(partition, at, to));
      return found;
    },
  };
}
