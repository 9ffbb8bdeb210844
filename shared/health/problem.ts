// What a rule may find: a problem of a box of the flow strip, with its name for good.

/** The boxes of the flow strip, in order. */
export const boxes = ["events", "waiting", "files", "batches", "training", "checkpoint", "quality", "requests"] as const;
export type BoxId = (typeof boxes)[number];

export interface Problem {
  readonly box: BoxId;
  readonly level: "amber" | "red";
  /** One or two words that stand on the box. */
  readonly word: string;
  /** A sentence that names the stage and the reason. */
  readonly reason: string;
  readonly hint: string;
}

/** Whose trouble a box shows. */
const serviceOf: Record<BoxId, string> = {
  events: "replay",
  waiting: "ingest",
  files: "ingest",
  batches: "trainer",
  training: "server",
  checkpoint: "server",
  quality: "evaluator",
  requests: "serve",
};

/** A problem's service, and its name for good, whatever its sentence says: INGEST_STALLED. */
export function identityOf({ box, word }: Pick<Problem, "box" | "word">): { service: string; code: string } {
  const service = serviceOf[box];
  return { service, code: `${service}_${word}`.toUpperCase().replaceAll(" ", "_") };
}
