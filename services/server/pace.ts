// The newest steps and the bytes that had passed by each of them: how many steps a minute, how many bytes a step. Kept
// by progress.ts.

export interface Bytes {
  readonly sent: number;
  readonly received: number;
}

export interface Pace {
  /** A step has been answered; `bytes`: all that have passed since the server started. */
  passed(at: number, bytes: Bytes): void;
  perMinute(now: number): number;
  /** Mean over the last minute; null before the second step. */
  bytesPerStep(): Bytes | null;
}

const MINUTE = 60_000;
/** Steps may take longer than a minute: two are enough to tell what one costs. */
const LEAST = 2;

export function openPace(): Pace {
  const steps: { readonly at: number; readonly bytes: Bytes }[] = [];
  return {
    passed: (at, { sent, received }) => {
      steps.push({ at, bytes: { sent, received } });
      while (steps.length > LEAST && at - steps[0]!.at > MINUTE) steps.shift();
    },
    perMinute: (now) => steps.filter(({ at }) => now - at < MINUTE).length,
    bytesPerStep: () => {
      const [first, last] = [steps[0], steps.at(-1)];
      if (!first || !last || steps.length < LEAST) return null;
      const mean = (way: keyof Bytes) => Math.round((last.bytes[way] - first.bytes[way]) / (steps.length - 1));
      return { sent: mean("sent"), received: mean("received") };
    },
  };
}
