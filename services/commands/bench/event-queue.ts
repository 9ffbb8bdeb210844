// The clock of a simulation: what is to happen and when, and what can do only one thing at a time. Pure. Below
// simulation.ts.

/** Told the time, ms. */
type Act = (at: number) => void;

/** What is to happen, and when; of two things at one moment, the one that was entered first. */
export class Agenda {
  now = 0;
  readonly #entries: { readonly at: number; readonly act: Act }[] = [];

  after(milliseconds: number, act: Act): void {
    const at = this.now + milliseconds;
    const place = this.#entries.findLastIndex((entry) => entry.at <= at) + 1;
    this.#entries.splice(place, 0, { at, act });
  }

  next(): void {
    const { at, act } = this.#entries.shift()!;
    this.now = at;
    act(at);
  }
}

/** Does one thing at a time, in the order in which it was asked: a processor, a link, a trainer. */
export class Queue {
  readonly #agenda: Agenda;
  #freeAt = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** `act` follows when it is done. Returns how long it is until it begins. */
  after(milliseconds: number, act: Act): number {
    const waits = Math.max(0, this.#freeAt - this.#agenda.now);
    this.#freeAt = this.#agenda.now + waits + milliseconds;
    this.#agenda.after(waits + milliseconds, act);
    return waits;
  }
}
