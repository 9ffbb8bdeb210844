// Long work that yields, to its end, in a process that goes on answering.
import { setImmediate as breathe } from "node:timers/promises";

/** Lets the process answer where `work` yields; `at` hears what it yields. Throws the signal's reason when aborted. */
export async function finish<Y, T>(work: Generator<Y, T>, signal: AbortSignal, at?: (yielded: Y) => void): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    at?.(value);
    await breathe();
    signal.throwIfAborted();
  }
}
