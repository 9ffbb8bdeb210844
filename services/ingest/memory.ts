// One number, the memory of the process, to the bounds of each thing that holds events. Pure. The shares are measured,
// see `bench ingest`.

export interface Budget {
  /** Bytes of one fetch; decoded, its messages take about eight times that. */
  readonly fetch: number;
  /** Bytes that a single batch of messages may unpack to; encoding a dead letter takes about five times that. */
  readonly batch: number;
  /** Bytes of messages between the two threads. */
  readonly underWay: number;
  /** Bytes of rows that are not written yet; encoding them takes about five times that. */
  readonly buffer: number;
  /** Heap of the writing thread. */
  readonly threadHeap: number;
}

/** What Node, the libraries and two threads take with small buffers. */
const BASE = 300e6;

export function budgetOf(bytes: number): Budget {
  const rest = bytes - BASE;
  return {
    fetch: Math.round(Math.min(1e6, rest / 150)),
    batch: Math.round(Math.min(256e6, rest / 8)),
    underWay: Math.round(Math.min(64e6, rest / 20)),
    buffer: Math.round(Math.min(256e6, rest / 12)),
    threadHeap: Math.round(rest / 3),
  };
}
