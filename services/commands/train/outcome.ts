// What a run of fixed length says at its end.
import { printable } from "../../../shared/runtime/printable.ts";

/** Trainers name both, and many may have. */
const MOST_LETTERS = 500;

interface Computed {
  readonly model?: string | undefined;
  readonly engine?: string | undefined;
  readonly device?: string | undefined;
}

/** The line before it: what computed, as the report names it. */
export const computedInWords = ({ model, engine, device }: Computed): string =>
  printable(`${model} was computed by ${engine || "nobody"}${device ? ` on ${device}` : ""}`, MOST_LETTERS);

/** The last line of a run. JSON has no NaN: a mean of nobody is null there. */
export function outcomeInWords(epoch: number, test: unknown): string {
  const means = Object.values((test ?? {}) as Record<string, { readonly mean?: number | null }>).map(
    ({ mean }) => mean,
  );
  const isJudged = means.some((mean) => typeof mean === "number" && !Number.isNaN(mean));
  return `best epoch ${epoch}: ${isJudged ? JSON.stringify(test) : "nobody is held out to test it on"}`;
}
