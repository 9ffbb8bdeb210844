// What a person sees while it works, on stderr: steps with their times, and one line of progress: rewritten on a
// terminal, repeated every few seconds elsewhere.
import { onOneLine } from "./printable.ts";

const EVERY_MS = 5000;

/**
 * A line of its own, above the one that moves. A file's or an item's name may hold anything: what would move the cursor
 * is escaped, here and below.
 */
export const say = (text: string): void =>
  void process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${onOneLine(text)}\n`);

export interface ProgressLine {
  show(text: string): void;
  /** A line of its own, that stays. */
  tell(text: string): void;
  end(): void;
}

export function progressLine(out: NodeJS.WriteStream = process.stderr): ProgressLine {
  let shownAt = Number.NEGATIVE_INFINITY;
  let last = "";
  return {
    show: (given) => {
      const text = onOneLine(given);
      last = text;
      if (out.isTTY) {
        out.write(`\r\x1b[K${text.slice(0, (out.columns ?? 200) - 1)}`);
      } else if (performance.now() - shownAt >= EVERY_MS) {
        shownAt = performance.now();
        out.write(`${text}\n`);
      }
    },
    tell: (text) => {
      out.write(`${out.isTTY ? "\r\x1b[K" : ""}! ${onOneLine(text)}\n`);
    },
    end: () => {
      if (last !== "") out.write(out.isTTY ? "\n" : `${last}\n`);
    },
  };
}

/** Runs a step and tells how long it took; `done` adds a word on what came of it. */
export async function showStep<T>(name: string, body: (done: (result: string) => void) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  let result = "";
  const value = await body((text) => {
    result = onOneLine(text);
  });
  process.stderr.write(
    `✓ ${name.padEnd(28)} ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${result}\n`,
  );
  return value;
}
