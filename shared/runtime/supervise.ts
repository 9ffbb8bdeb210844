// Keeps a service running: one that dies is started again with a growing pause; one that cannot stand up is given up with its last words.
import { readFileSync } from "node:fs";
import { AppError, type ErrorCode, errors } from "./errors.ts";
import { sleep } from "./lifecycle.ts";
import { type Spawned, spawnService } from "./spawn.ts";

export interface Supervised {
  readonly name: string;
  /** Resolves when the service ended by itself with exit code 0, or after `stop`; rejects when it was given up. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const WINDOW_MS = 60_000;
const DEATHS_BEFORE_GIVING_UP = 5;

/** `name` is unique (`trainer-1`); `command` is what is run. Exit code 2 (usage, configuration) cannot heal and is given up at once. */
export function supervise(service: { name: string; command: string; args: readonly string[]; threads?: number; log: string }): Supervised {
  const stopping = new AbortController();
  let current: Spawned | undefined;
  const watch = async () => {
    const deaths: number[] = [];
    while (!stopping.signal.aborted) {
      current = spawnService(service.command, service.args, {
        log: service.log,
        ...(service.threads === undefined ? {} : { threads: service.threads }),
      });
      const code = await current.exited;
      if (code === 0 || stopping.signal.aborted) return;
      const now = Date.now();
      deaths.push(now);
      const recent = deaths.filter((at) => now - at < WINDOW_MS).length;
      if (code === 2 || recent >= DEATHS_BEFORE_GIVING_UP) throw lastWords(service.name, service.log, code);
      await sleep(250 * 2 ** recent, stopping.signal);
    }
  };
  const ended = watch();
  ended.catch(() => {}); // the one who awaits `ended` hears of it
  return {
    name: service.name,
    ended,
    stop: async () => {
      stopping.abort();
      await current?.stop();
    },
  };
}

/** The service's own error, if its last line is one of ours: the person at the terminal should not have to open the log. */
function lastWords(name: string, log: string, exitCode: number): AppError {
  let line = "";
  try {
    line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  } catch {
    // no log was written
  }
  const [, code, what] = /^([A-Z_]+): (.*)$/.exec(line) ?? [];
  if (code && what && code in errors) {
    const hint = errors[code as ErrorCode].hint;
    return new AppError(code as ErrorCode, { what: `${name}: ${what.replace(`. ${hint}`, "")}` });
  }
  return new AppError("SERVICE_DIED", { what: `${name} ended again and again`, exitCode, log });
}
