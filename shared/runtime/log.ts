// Logs: pino on stderr, pretty on a terminal, one JSON object a line elsewhere. No line per event.
import { createRequire } from "node:module";
import pino from "pino";
import type PinoPretty from "pino-pretty";
import { AppError } from "../errors/errors.ts";
import { setting } from "./command.ts";
import { onOneLine } from "./printable.ts";

export type Log = pino.Logger;

const LEVEL = "TRIBUTARY_LOG_LEVEL";
const levels = [...Object.keys(pino.levels.values), "silent"];

/** Throws USAGE. */
export function levelOf(env: NodeJS.ProcessEnv): string {
  const text = setting(env, LEVEL);
  const level = (text ?? "info").trim().toLowerCase();
  if (!levels.includes(level))
    throw new AppError("USAGE", { what: `${LEVEL} "${text}": give one of ${levels.join(", ")}` });
  return level;
}

/** Bytes of lines that a full disk has refused; what goes beyond is dropped. */
const MOST_HELD = 1 << 20;

/**
 * `fields` stand on every line: the data directory, the trainer. A step or a round stands where it applies. Throws
 * USAGE where the environment asks for no level that there is.
 */
export function createLog(service: string, fields: Readonly<Record<string, string>> = {}): Log {
  const level = levelOf(process.env);
  const to = process.stderr.isTTY ? pretty() : pino.destination({ dest: 2, sync: true, maxLength: MOST_HELD });
  // a full disk under the log ends nobody: lines are held, and written with the next one that has room
  to.on("error", () => undefined);
  return pino(
    { base: { service, ...fields }, level, ...(process.stderr.isTTY ? { formatters: { log: shown } } : {}) },
    to,
  );
}

/** Names that strangers gave themselves, on a terminal. */
const shown = (fields: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? onOneLine(value) : value]),
  );

/** Loaded only where there is a terminal: most processes have none, and start the sooner. */
function pretty() {
  const stream: typeof PinoPretty = createRequire(import.meta.url)("pino-pretty");
  const messageFormat = (line: Record<string, unknown>, key: string) => onOneLine(String(line[key] ?? ""));
  return stream({ destination: 2, ignore: "pid,hostname", sync: true, messageFormat });
}
