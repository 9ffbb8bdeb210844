// A failure that may come at any time, for whoever waits for it.

export interface Failure {
  /** Rejects with the first error told. Nobody need be waiting yet. */
  readonly failed: Promise<never>;
  fail(error: unknown): void;
}

export function failure(): Failure {
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  return { failed, fail };
}
