// Messages whose reading or writing failed before: what may be worked on together, and which message is condemned.
// Pure; in-work.ts keeps it on disk, and the log of the events who was condemned.

/**
 * Offsets of a partition, both ends included, and how often work on them failed before: an error, or the death of the
 * thread or of the process. Of several together it is 1 at most.
 */
export interface Suspect {
  readonly first: number;
  readonly last: number;
  readonly failures: number;
}

/** A failed unit is cut into so many: five deaths find one message among 100,000. */
const PIECES = 16;
/**
 * Messages condemned one after the other, without one in between that could be written: no message is at fault then.
 */
const MOST_IN_A_ROW = 20;

/** Of one message: with what stood beside it, and alone. */
const CONDEMNED = 2;
/** And as a dead letter, and as one without its value. */
const MOST_FAILURES = 3;

export interface Unit {
  /** The offset before which it ends. */
  readonly to: number;
  /** Nothing else may be in the same file: its failure must be its own. */
  readonly isAlone: boolean;
  readonly failures: number;
}

/**
 * Its own fault is proven: alone, and for the second time. "bare": its dead letter failed too, so it goes without its
 * value.
 */
export type Verdict = "condemned" | "bare" | null;

export interface Suspects {
  /** Once more. */
  failed(partition: number, suspect: Suspect): void;
  /** What may be worked on next, from an offset on. */
  unitAt(partition: number, offset: number): Unit;
  verdictOn(partition: number, offset: number): Verdict;
  /** It is on record, whoever found it. */
  condemned(partition: number, offset: number): void;
  /** Everything before `next` is in the table. */
  passed(partition: number, next: number): void;
  /** Too many were condemned in a row, or one failed in every way: it is not the messages. */
  readonly isHopeless: boolean;
}

export function createSuspects(): Suspects {
  const suspects = new Map<number, Suspect>();
  const onRecord = new Map<number, number>();
  let inARow = 0;
  const at = (partition: number, offset: number) => {
    const suspect = suspects.get(partition);
    return suspect && suspect.first <= offset && offset <= suspect.last ? suspect : undefined;
  };
  /** Of a message alone. */
  const failuresOf = (partition: number, offset: number): number => {
    const suspect = at(partition, offset);
    const own = suspect && suspect.first === suspect.last ? suspect.failures : 0;
    return onRecord.get(partition) === offset ? Math.max(own, CONDEMNED) : own;
  };
  const verdictOn = (partition: number, offset: number): Verdict => {
    const failures = failuresOf(partition, offset);
    if (failures < CONDEMNED) return null;
    return failures === CONDEMNED ? "condemned" : "bare";
  };
  return {
    failed: (partition, { first, last, failures }) => {
      suspects.set(partition, { first, last, failures: first === last ? failures + 1 : 1 });
      if (verdictOn(partition, first) === "condemned") inARow++;
    },
    condemned: (partition, offset) => onRecord.set(partition, offset),
    unitAt: (partition, offset) => {
      if (verdictOn(partition, offset) !== null)
        return { to: offset + 1, isAlone: true, failures: failuresOf(partition, offset) };
      const suspect = at(partition, offset);
      if (suspect) {
        const size = Math.max(1, Math.floor((suspect.last - suspect.first + 1) / PIECES));
        return { to: Math.min(offset + size, suspect.last + 1), isAlone: true, failures: suspect.failures };
      }
      const ahead = suspects.get(partition)?.first ?? -1;
      return { to: ahead > offset ? ahead : Number.POSITIVE_INFINITY, isAlone: false, failures: 0 };
    },
    verdictOn,
    passed: (partition, next) => {
      if (verdictOn(partition, next - 1) === null) inARow = 0;
      if (next > (onRecord.get(partition) ?? next)) onRecord.delete(partition);
      if (next > (suspects.get(partition)?.last ?? next)) suspects.delete(partition);
    },
    get isHopeless() {
      return inARow > MOST_IN_A_ROW || [...suspects.values()].some(({ failures }) => failures > MOST_FAILURES);
    },
  };
}
