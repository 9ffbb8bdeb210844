// What this process spends its processor time on: all its threads', section by section, period by period. Server and
// trainer show it in /status; `bench` takes differences.

/**
 * `compute` is a trainer's arithmetic; bags, add, adam and plan are the server's; receive and send are messages, of
 * either.
 */
export type Section = "compute" | "bags" | "add" | "adam" | "plan" | "receive" | "send";

/** Seconds of each section, and `rest`: what stands in none. */
export type CpuSeconds = Readonly<Record<Section | "rest", number>>;

const nothing = (): Record<Section | "rest", number> => ({
  compute: 0,
  bags: 0,
  add: 0,
  adam: 0,
  plan: 0,
  receive: 0,
  send: 0,
  rest: 0,
});

export class CpuMeter {
  readonly #now: () => number;
  #section: Section | "rest" = "rest";
  /** What is not accounted to any section yet begins here. */
  #from: number;
  #period = nothing();
  readonly #accounts: Record<string, Record<Section | "rest", number>> = {};

  /** `now`: seconds of processor time so far. */
  constructor(now: () => number) {
    this.#now = now;
    this.#from = now();
  }

  /** What `body` spends is the section's, but for what sections inside it claim. */
  in<T>(section: Section, body: () => T): T {
    const outer = this.#enter(section);
    try {
      return body();
    } finally {
      this.#enter(outer);
    }
  }

  /** Ends a period: what was spent since the last one ended goes to this account, such as a phase. */
  charge(account: string): void {
    this.#enter(this.#section);
    this.#accounts[account] ??= nothing();
    for (const [section, seconds] of Object.entries(this.#period))
      this.#accounts[account][section as Section] += seconds;
    this.#period = nothing();
  }

  /** Every account so far; the period at hand is in none. */
  accounts(): Readonly<Record<string, CpuSeconds>> {
    return structuredClone(this.#accounts);
  }

  #enter(section: Section | "rest"): Section | "rest" {
    const [outer, now] = [this.#section, this.#now()];
    this.#period[outer] += now - this.#from;
    this.#from = now;
    this.#section = section;
    return outer;
  }
}

/** This process's own: processor time belongs to a process, as `process.cpuUsage()` does. */
export const cpu = new CpuMeter(() => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
});
