// Logs: pino on stderr, pretty on a terminal, one JSON object a line elsewhere. No line per event.
import pino from "pino";
import pretty from "pino-pretty";

export type Log = pino.Logger;

/** `fields` stand on every line: the data directory, the trainer. A step or a round stands where it applies. */
export function createLog(service: string, fields: Readonly<Record<string, string>> = {}): Log {
  const level = process.env.TRIBUTARY_LOG_LEVEL ?? "info";
  const to = process.stderr.isTTY
    ? pretty({ destination: 2, ignore: "pid,hostname", sync: true })
    : pino.destination({ dest: 2, sync: true });
  return pino({ base: { service, ...fields }, level }, to);
}
