// One line per evaluation, kept in a file, so that the curves survive a restart. A line that a killed process left half-written is passed over.
import { appendFile, readFile } from "node:fs/promises";
import { z } from "zod";

export const figures = z.object({ "ndcg@100": z.number(), "recall@20": z.number(), "recall@50": z.number(), "ndcg@100:se": z.number() });
export type Figures = z.output<typeof figures>;

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

const shown = 500;

export interface Journal {
  /** The newest evaluations, oldest first. */
  readonly recent: readonly EvaluationLine[];
  append(evaluation: EvaluationLine): Promise<void>;
}

export async function openJournal(file: string): Promise<Journal> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const recent = text.split("\n").flatMap(parsed).slice(-shown);
  let torn = text !== "" && !text.endsWith("\n");
  return {
    recent,
    async append(evaluation) {
      await appendFile(file, `${torn ? "\n" : ""}${JSON.stringify(evaluation)}\n`);
      torn = false;
      recent.push(evaluation);
      if (recent.length > shown) recent.shift();
    },
  };
}

function parsed(text: string): EvaluationLine[] {
  try {
    const result = line.safeParse(JSON.parse(text));
    return result.success ? [result.data] : [];
  } catch {
    return [];
  }
}
