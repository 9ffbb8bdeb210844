// What a client of serve may cost. docs/reference/http.md is made of it.
import { maxHeaderSize } from "node:http";
import { MOST_CONNECTIONS, SILENT_PATIENCES } from "../../shared/http/http.ts";

/** For a request to arrive, ms. */
const PATIENCE_MS = 10_000;

export const limits = {
  /** Of a body, unpacked: 10,000 items of 256 bytes, and as many to exclude, would mean nothing any more. */
  bodyBytes: 4 << 20,
  headerBytes: maxHeaderSize,
  patienceMs: PATIENCE_MS,
  /** Without a byte from the client, or taken by it. */
  silentMs: SILENT_PATIENCES * PATIENCE_MS,
  /** At the end, for requests in flight. */
  drainMs: 3_000,
  connections: MOST_CONNECTIONS,
} as const;
