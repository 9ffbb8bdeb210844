// Requests that arrive together are answered together: whatever has come by the time that the answerer is free is its
// next batch. Nobody is waited for. Between routes.ts and recommender.ts.

/** When what came in this turn of the event loop is in: after the sockets were read, before anything is waited for. */
const thisTurn = (run: () => void): void => void setImmediate(run);

/** `answer` gets at most `most` at a time, in their order of arrival; when it throws, all of these fail. */
export function together<Asked, Answer>(
  most: number,
  answer: (asked: readonly Asked[]) => readonly Answer[],
  schedule = thisTurn,
): (asked: Asked) => Promise<Answer> {
  interface Waiting {
    readonly asked: Asked;
    resolve(answer: Answer): void;
    reject(error: unknown): void;
  }
  let waiting: Waiting[] = [];
  const run = () => {
    const batch = waiting.slice(0, most);
    waiting = waiting.slice(most);
    if (waiting.length > 0) schedule(run); // sockets are looked at in between
    try {
      const answers = answer(batch.map(({ asked }) => asked));
      for (const [k, { resolve }] of batch.entries()) resolve(answers[k]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  return (asked) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ asked, resolve, reject }) === 1) schedule(run);
    });
}
