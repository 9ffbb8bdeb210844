// Logs: pino on stderr, pretty on a terminal, one JSON object a line elsewhere. No line per event.
import pino from "pino";
import pretty from "pino-pretty";

export type Log = pino.Logger;

export function createLog(service: string): Log {
  const level = process.env.TRIBUTARY_LOG_LEVEL ?? "info";
  const to = process.stderr.isTTY
    ? pretty({ destination: 2, ignore: "pid,hostname", sync: true })
    : pino.destination({ dest: 2, sync: true });
  return pino({ base: { service }, level }, to);
}
