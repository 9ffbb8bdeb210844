// What is kept of an evaluation: one line of a file, so that the curves survive a restart.
import { z } from "zod";
import { figures } from "../../shared/judging/figures.ts";
import type { Patience } from "../../shared/runtime/patience.ts";
import { type Lines, openLines } from "./lines.ts";

const line = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  seconds: z.number(),
  /** Which checkpoint: its folder and when that was made. */
  checkpoint: z.string(),
  round: z.number().nullable(),
  step: z.number().nullable(),
  users: z.number(),
  tableVersion: z.number().nullable(),
  /** Null where it could not be measured: torn, not finite, no users. */
  model: figures.nullable(),
  popularity: figures.nullable(),
  /** The published model on the same users. */
  incumbent: figures.extend({ version: z.string() }).nullable(),
  /** Held: it may be published, and publication is pinned. */
  outcome: z.enum(["published", "refused", "held"]),
  /** Why it was not published, in a sentence. */
  reason: z.string().nullable(),
  version: z.string().nullable(),
});
export type EvaluationLine = z.output<typeof line>;

/** The newest of them, and what a file of many months is cut down to. */
const shown = 500;
const kept = 100_000;

export type Journal = Lines<EvaluationLine>;

export const openJournal = (file: string, { through }: Patience): Promise<Journal> => openLines(file, line, shown, kept, through);
