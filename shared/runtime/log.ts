// Logs: pino on stderr, pretty on a terminal, one JSON object a line elsewhere. No line per event.
import { createRequire } from "node:module";
import pino from "pino";
import type PinoPretty from "pino-pretty";

export type Log = pino.Logger;

/** `fields` stand on every line: the data directory, the trainer. A step or a round stands where it applies. */
export function createLog(service: string, fields: Readonly<Record<string, string>> = {}): Log {
  const level = process.env.TRIBUTARY_LOG_LEVEL ?? "info";
  const to = process.stderr.isTTY ? pretty() : pino.destination({ dest: 2, sync: true });
  return pino({ base: { service, ...fields }, level }, to);
}

/** Loaded only where there is a terminal: most processes have none, and start the sooner. */
function pretty() {
  const stream: typeof PinoPretty = createRequire(import.meta.url)("pino-pretty");
  return stream({ destination: 2, ignore: "pid,hostname", sync: true });
}
