// Work that ends early with an error, whoever waits for it: when we are asked to stop, or when to wait on is hopeless.

export interface Interruptible {
  /** Settles as `work` does, unless it is interrupted before. */
  guard<T>(work: Promise<T>): Promise<T>;
  /** For all that is under way and all that comes. */
  interrupt(reason: unknown): void;
}

export function interruptible(): Interruptible {
  // A promise that never settles, raced again and again, would hold on to everything that it was raced with.
  const waiting = new Set<(reason: unknown) => void>();
  let interrupted: { readonly reason: unknown } | undefined;
  return {
    guard: (work) =>
      new Promise((resolve, reject) => {
        if (interrupted) reject(interrupted.reason);
        else waiting.add(reject);
        work.then(resolve, reject).finally(() => waiting.delete(reject));
      }),
    interrupt: (reason) => {
      interrupted ??= { reason };
      for (const reject of waiting) reject(interrupted.reason);
      waiting.clear();
    },
  };
}
