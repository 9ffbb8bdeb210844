// Steps of the set-up, some side by side: each ends in one line with its name and time, and the first failure is the
// set-up's.

/** A user's problem: one line with a code, what to do next, and the exit code. */
export class SetupError extends Error {
  constructor(code, message, exit) {
    super(message);
    this.code = code;
    this.exit = exit;
  }
}

/**
 * What a step returns when it had nothing to do, when it left something out (the reason is shown), or when others need
 * its result.
 */
export const alreadyThere = { note: "already there" };
export const leftOut = (reason) => ({ note: reason, mark: "!" });
export const found = (value, note) => ({ note, value });

export class Steps {
  #out;
  #running = new Set();

  constructor(out) {
    this.#out = out;
  }

  /** Runs one step and shows its line; resolves to the step's value, if it has one. */
  async run(name, body) {
    const started = performance.now();
    this.#running.add(name);
    this.#show();
    try {
      const result = await body();
      const outcome = typeof result === "string" ? { note: result } : (result ?? {});
      this.#end(name, lineOf(name, performance.now() - started, outcome));
      return outcome.value;
    } catch (error) {
      this.#end(name, `✗ ${name}\n`);
      throw error;
    }
  }

  /** Waits for every step, so that none is cut off half-way, and only then throws the first failure. */
  async all(steps) {
    const results = await Promise.allSettled(steps);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** A line of its own, such as what a step is about to take. */
  tell(line) {
    this.#out.write(`${this.#out.isTTY ? "\r\x1b[K" : ""}${line}\n`);
    this.#show();
  }

  #end(name, line) {
    this.#running.delete(name);
    this.#out.write(`${this.#out.isTTY ? "\r\x1b[K" : ""}${line}`);
    this.#show();
  }

  #show() {
    if (this.#out.isTTY && this.#running.size > 0) this.#out.write(`\r\x1b[K… ${[...this.#running].join(", ")}`);
  }
}

/** `✓ npm packages         12.3 s`, or the note in place of a time that says nothing. */
export function lineOf(name, ms, { note, mark = "✓" }) {
  const time = `${(ms / 1000).toFixed(1)} s`;
  return `${mark} ${name.padEnd(20)} ${note === undefined ? time : ms < 1000 ? note : `${time}, ${note}`}\n`;
}
