// What is said at the start of a run of fixed length of the users that it is to be judged on, or cannot be.
import type { Corpus } from "./corpus.ts";

export function aboutHeldOut({ validation, test, leftOut, leftOutWhy }: Corpus): string[] {
  return [
    ...(leftOut > 0 ? [`held-out users ${leftOutWhy} are left out: ${leftOut}`] : []),
    ...(validation.length === 0 ? ["nobody is held out for validation: the last epoch counts as the best"] : []),
    ...(test.length === 0 ? ["nobody is held out for the test: the model is left without figures"] : []),
  ];
}
