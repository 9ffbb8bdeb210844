// Asks every registered service for its /status, one request in flight per process, and keeps the newest answer: a
// service that computes may answer late.
import { askStatus } from "../../shared/health/answers.ts";
import type { Answer } from "../../shared/health/facts/flow.ts";
import { discover } from "../../shared/http/registry.ts";

const timeout = 5000;

/**
 * Each call looks at the registry, asks whoever is not being asked, and returns what is known at `patience` ms at the
 * latest.
 */
export function poller(runDir: string, patience: number): () => Promise<Answer[]> {
  /** `answeredAt` by a clock that nobody sets. */
  const answers = new Map<string, Answer>();
  const offset = () => Date.now() - performance.now();
  const asking = new Map<string, Promise<void>>();
  return async () => {
    const running = new Map(discover(runDir).map((process) => [process.url, process] as const));
    for (const url of answers.keys()) if (!running.has(url)) answers.delete(url);
    for (const [url, process] of running) {
      if (answers.get(url)?.pid !== process.pid) answers.set(url, { ...process, status: null, answeredAt: null });
      if (process.service === "dashboard" || asking.has(url)) continue;
      const asked = askStatus(process, timeout).then((status) => {
        asking.delete(url);
        if (status !== null && answers.get(url)?.pid === process.pid)
          answers.set(url, { ...process, status, answeredAt: performance.now() });
      });
      asking.set(url, asked);
    }
    const late = new Promise<void>((resolve) => setTimeout(resolve, patience).unref());
    await Promise.race([Promise.all(asking.values()), late]);
    return [...answers.values()].map((answer) => ({
      ...answer,
      answeredAt: answer.answeredAt && answer.answeredAt + offset(),
    }));
  };
}
