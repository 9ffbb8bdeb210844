// The dashboard's memory: one sample a second, the rounds' losses, the evaluations. Bounded; the page extends its copy in the same way.

interface Sample {
  /** ms since 1970, as every `at` */
  readonly at: number;
  /** Seconds; null while no model is published. */
  readonly freshness: number | null;
  /** Messages in the topic that the table does not hold. */
  readonly lag: number | null;
}

interface Loss {
  readonly at: number;
  readonly reconstruction: number;
  readonly kl: number;
}

interface Evaluation {
  readonly at: number;
  readonly model: number;
  readonly popularity: number | null;
}

export interface History {
  readonly samples: Sample[];
  readonly losses: Loss[];
  readonly evaluations: Evaluation[];
}

/** One hour of samples; as many rounds as the services themselves remember, and some more. */
const bounds = { samples: 3600, losses: 2000, evaluations: 2000 } as const;

export const emptyHistory = (): History => ({ samples: [], losses: [], evaluations: [] });

/** Appends in place and drops the oldest beyond the bounds. */
export function extend(history: History, news: History): void {
  const push = <T>(list: T[], added: readonly T[], bound: number) => {
    for (const item of added) list.push(item);
    if (list.length > bound) list.splice(0, list.length - bound);
  };
  push(history.samples, news.samples, bounds.samples);
  push(history.losses, news.losses, bounds.losses);
  push(history.evaluations, news.evaluations, bounds.evaluations);
}
