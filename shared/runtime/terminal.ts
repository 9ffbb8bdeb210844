// What a person sees while it works, on stderr: steps with their times, and one line of progress: rewritten on a terminal, repeated every few seconds elsewhere.

const EVERY_MS = 5000;

export interface ProgressLine {
  show(text: string): void;
  end(): void;
}

export function progressLine(out: NodeJS.WriteStream = process.stderr): ProgressLine {
  let shownAt = 0;
  let last = "";
  return {
    show: (text) => {
      last = text;
      if (out.isTTY) {
        out.write(`\r\x1b[K${text.slice(0, (out.columns ?? 200) - 1)}`);
      } else if (Date.now() - shownAt >= EVERY_MS) {
        shownAt = Date.now();
        out.write(`${text}\n`);
      }
    },
    end: () => {
      if (last !== "") out.write(out.isTTY ? "\n" : `${last}\n`);
    },
  };
}

/** Runs a step and tells how long it took; `done` adds a word on what came of it. */
export async function showStep<T>(name: string, body: (done: (result: string) => void) => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  let result = "";
  const value = await body((text) => {
    result = text;
  });
  process.stderr.write(`✓ ${name.padEnd(28)} ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${result}\n`);
  return value;
}
