// Threads that share out jobs: each takes the next one when it has done its last. What they read and write lies in
// memory that they share; jobs and answers are small. `serveJobs` is the other end, in the thread's own module.
import { parentPort, Worker, workerData } from "node:worker_threads";
import { failure } from "../errors/failure.ts";

export interface Threads<J, A> {
  /**
   * Answers in the order of the jobs; `at` hears after each how many are done. Rejects with a thread's error, or with
   * the signal's reason. One call at a time.
   */
  run(jobs: readonly J[], at?: (done: number) => void): Promise<A[]>;
  close(): Promise<void>;
}

/**
 * `module`: URL of a source file named *-thread.ts. `task`: what all jobs of it have in common. When the signal fires,
 * they are ended in the middle of a job.
 */
export function openThreads<J, A>(module: URL, task: object, count: number, signal: AbortSignal): Threads<J, A> {
  const { failed, fail } = failure();
  const workers = Array.from({ length: count }, () => {
    const worker = new Worker(new URL("./thread.mjs", import.meta.url), {
      workerData: { module: module.href, task },
      execArgv: [],
    });
    worker.on("error", fail);
    worker.on("exit", (code) => fail(new Error(`a thread ended with ${code}`)));
    return worker;
  });
  const close = async () => void (await Promise.all(workers.map((worker) => worker.terminate())));
  const stop = () => {
    fail(signal.reason);
    void close();
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });

  async function serve(
    worker: Worker,
    jobs: readonly J[],
    next: () => number | undefined,
    answered: (job: number, answer: A) => void,
  ) {
    for (let job = next(); job !== undefined; job = next()) {
      const answer = new Promise<A>((resolve) => worker.once("message", resolve));
      worker.postMessage(jobs[job]);
      answered(job, await Promise.race([answer, failed]));
    }
  }

  return {
    run: async (jobs, at) => {
      const answers: A[] = [];
      let [taken, done] = [0, 0];
      const next = () => (taken < jobs.length ? taken++ : undefined);
      const answered = (job: number, answer: A) => {
        answers[job] = answer;
        at?.(++done);
      };
      await Promise.all(workers.map((worker) => serve(worker, jobs, next, answered)));
      return answers;
    },
    close: async () => {
      signal.removeEventListener("abort", stop);
      await close();
    },
  };
}

/** Answers each job that comes; `work` is made of the task once. A promise that is rejected ends the thread. */
export function serveJobs<T, J, A>(work: (task: T) => (job: J) => A | Promise<A>): void {
  const port = parentPort!;
  const answer = work((workerData as { task: T }).task);
  port.on("message", async (job: J) => port.postMessage(await answer(job)));
}
