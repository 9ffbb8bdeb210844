// How many users a round of continuous training holds, where it is to take about so long: as many batches as fit in,
// by what the rounds before have cost, the machine's other work included. Pure; whoever runs the rounds has the clock.

interface Wanted {
  /** Most users. */
  readonly usersPerRound: number;
  /** Undefined: always so many. */
  readonly roundSeconds?: number | undefined;
  /** Users of a step: with fewer a round would make other steps, not fewer. */
  readonly batchSize: number;
}

export interface RoundSize {
  /** Of the next round. */
  readonly users: number;
  /** A round of so many has taken so long, from one look at the table to the next. */
  took(users: number, seconds: number): void;
}

/** Of the newest round in what a batch is thought to cost: one that a machine was busy in is forgotten in a few. */
const NEWEST = 0.5;

export function openRoundSize({ usersPerRound, roundSeconds, batchSize }: Wanted): RoundSize {
  if (roundSeconds === undefined) return { users: usersPerRound, took: () => undefined };
  /** Seconds; undefined before the first round, which is one batch: it costs what is made at first use too. */
  let ofBatch: number | undefined;
  return {
    get users() {
      const batches = ofBatch === undefined ? 1 : Math.max(1, Math.floor(roundSeconds / ofBatch));
      return Math.min(usersPerRound, batches * batchSize);
    },
    took(users, seconds) {
      if (users === 0) return;
      const newest = seconds / Math.ceil(users / batchSize);
      ofBatch = ofBatch === undefined ? newest : ofBatch + NEWEST * (newest - ofBatch);
    },
  };
}
