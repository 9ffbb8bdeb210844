// What a run of fixed length says of the users that it was judged on, or could not be.
import type { Corpus } from "../../shared/corpus/corpus.ts";

/** Sentences for its start. */
export function aboutHeldOut({ validation, test, leftOut, leftOutWhy }: Corpus): string[] {
  return [
    ...(leftOut > 0 ? [`held-out users ${leftOutWhy} are left out: ${leftOut}`] : []),
    ...(validation.length === 0 ? ["nobody is held out for validation: the last epoch counts as the best"] : []),
    ...(test.length === 0 ? ["nobody is held out for the test: the model is left without figures"] : []),
  ];
}

/** The last line of a run. JSON has no NaN: a mean of nobody is null there. */
export function outcomeInWords(epoch: number, test: unknown): string {
  const means = Object.values((test ?? {}) as Record<string, { readonly mean?: number | null }>).map(({ mean }) => mean);
  const isJudged = means.some((mean) => typeof mean === "number" && !Number.isNaN(mean));
  return `best epoch ${epoch}: ${isJudged ? JSON.stringify(test) : "nobody is held out to test it on"}`;
}
