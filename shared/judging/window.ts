// The newest arrivals that were scored, and their means: one point of the prequential curve. Pure; prequential.ts fills
// it.

/**
 * What one arrival was worth: 1 or 0 for a place among the first 20, and the discounted gain of its place among the
 * first 100.
 */
export interface Gain {
  readonly recall: number;
  readonly ndcg: number;
}

export interface Scored {
  readonly user: number;
  readonly model: Gain;
  readonly popularity: Gain;
  /** The model has met the item; where it has not, its gain is 0. */
  readonly isKnown: boolean;
}

export interface WindowMeans {
  readonly events: number;
  readonly users: number;
  /** Share of events whose item the model had never met. */
  readonly unknownItems: number;
  readonly "recall@20": number;
  readonly "ndcg@100": number;
  readonly popularity: { readonly "recall@20": number; readonly "ndcg@100": number };
}

/** A queue of at most `size`. */
export class SlidingWindow {
  readonly #size: number;
  #scored: Scored[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(scored: readonly Scored[]): void {
    this.#scored = [...this.#scored, ...scored].slice(-this.#size);
  }

  /** Means over the events in the window; null while it is empty. */
  means(): WindowMeans | null {
    const events = this.#scored.length;
    if (events === 0) return null;
    const mean = (of: (scored: Scored) => number) => this.#scored.reduce((sum, each) => sum + of(each), 0) / events;
    return {
      events,
      users: new Set(this.#scored.map(({ user }) => user)).size,
      unknownItems: mean(({ isKnown }) => (isKnown ? 0 : 1)),
      "recall@20": mean(({ model }) => model.recall),
      "ndcg@100": mean(({ model }) => model.ndcg),
      popularity: {
        "recall@20": mean(({ popularity }) => popularity.recall),
        "ndcg@100": mean(({ popularity }) => popularity.ndcg),
      },
    };
  }
}
