// The synthetic stream as a source: a history spread over the 24 hours before the first start, then live events for
// ever.
import type { Row } from "../../shared/events/columns.ts";
import { type Drift, syntheticStream } from "../../shared/events/synthetic.ts";
import type { Chunk, Source } from "./source.ts";

const HISTORY_MS = 24 * 3600_000;

/** `startedAt`: of the first start, ms; `live`: go on after the history. */
export function syntheticSource(
  { seed, history, drift }: { readonly seed: number; readonly history: number; readonly drift: Drift },
  startedAt: number,
  live: boolean,
): Source {
  const eventAt = syntheticStream(seed, drift);
  async function* chunks(from: number, size: number): AsyncIterable<Chunk> {
    for (let start = from; live || start < history; ) {
      const past = start < history;
      const next = past ? Math.min(history, start + HISTORY_CHUNK) : start + size;
      const rows: Row[] = [];
      for (let index = start; index < next; index++) {
        const timestamp = past ? Math.floor(startedAt - HISTORY_MS + (HISTORY_MS * index) / history) : null;
        rows.push({ ...eventAt(index), timestamp, value: null });
      }
      yield { rows, next, paced: !past };
      start = next;
    }
  }
  return {
    name: "synthetic",
    identity: `synthetic seed ${seed}${drift === "slow" ? "" : ` drift ${drift}`}`,
    total: live ? null : history,
    chunks,
    fraction: (position) => (live && position >= history ? null : Math.min(1, position / Math.max(1, history))),
    skipped: 0,
    memory: { startedAt },
  };
}

const HISTORY_CHUNK = 4000;
