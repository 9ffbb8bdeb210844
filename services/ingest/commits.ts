// The newest commits, one by one; how often each cause sealed a buffer, and the rate over the last seconds. Pure; the
// clock is an argument.
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import type { News } from "./news.ts";
import { type Cause, causes } from "./sealer.ts";

type Wrote = Extract<News, { type: "wrote" }>;

export interface Commits {
  add(news: Wrote): void;
  status(): Pick<IngestStatus, "flushes" | "lastCommit" | "commits" | "lastCommitAt" | "eventsPerSecond">;
}

const RATE_WINDOW_MS = 10_000;
/** Told one by one. */
const NEWEST_COMMITS = 20;

/** `now`: ms of a steady clock; `date`: ms since 1970. */
export function openCommits(now: () => number, date: () => number): Commits {
  const flushes = Object.fromEntries(causes.map((cause) => [cause, 0])) as Record<Cause, number>;
  const recent: { readonly at: number; readonly messages: number }[] = [];
  const newest: (IngestStatus["commits"][number] & { at: number })[] = [];
  return {
    add: ({ brought, cause, seconds, file, table: { version } }) => {
      const events = brought.reduce((sum, { good, dead }) => sum + good + dead, 0);
      const { rows, bytes } = file ?? { rows: 0, bytes: 0 };
      flushes[cause]++;
      recent.push({ at: now(), messages: events });
      newest.push({ at: date(), seconds, rows, bytes, version, cause, events });
      if (newest.length > NEWEST_COMMITS) newest.shift();
    },
    status: () => {
      while (recent.length > 0 && now() - recent[0]!.at > RATE_WINDOW_MS) recent.shift();
      const last = newest.at(-1);
      return {
        flushes,
        lastCommit: last ? { at: last.at, seconds: last.seconds, rows: last.rows, bytes: last.bytes } : null,
        commits: newest,
        lastCommitAt: last?.at ?? null,
        eventsPerSecond: (recent.reduce((total, { messages }) => total + messages, 0) * 1000) / RATE_WINDOW_MS,
      };
    },
  };
}
