// Keeps a service running: whatever ends is started again after a growing pause, and told. Decisions are in
// restarts.ts.
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { AppError, type ErrorCode, errors } from "../errors/errors.ts";
import { asAppError, sleep } from "./lifecycle.ts";
import { afterDeath, levelOf, noDeaths } from "./restarts.ts";
import type { Ending } from "./spawn.ts";

/** One run of a service. */
export interface Run {
  readonly pid: number | undefined;
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  /** Asks it to drain, ends it after a grace. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface Service {
  readonly name: string;
  /** What it writes to; its last line may say why it ended. */
  readonly log: string;
  /** It may come to an end: a file that is read. */
  readonly isSource?: boolean;
  /** Somebody else has started it, and it runs on after `stop`. */
  readonly stays?: boolean;
  /** It was seen to work before, so that no failure of a start proves anything. */
  readonly hasStood?: boolean;
  /**
   * Why it ended, by what it has written since its start. Without it: its last line, where that is an error of ours.
   */
  wordsIn?(text: string): string | undefined;
  /** Whether it does what it is there for, where that is not asked of its /status. */
  answers?(): Promise<boolean>;
  /** Rejects where it cannot be started just now. */
  start(signal: AbortSignal): Run | Promise<Run>;
}

export interface ServiceState {
  readonly name: string;
  readonly pid: number | null;
  readonly state: "running" | "waiting" | "done" | "failed" | "stopped";
  readonly level: "ok" | "amber" | "red";
  /** Deaths one after the other, the first of them so many seconds ago; why the last one was. */
  readonly deaths: number;
  readonly seconds: number;
  /** How long it has run since; null while it does not. */
  readonly runsSeconds: number | null;
  readonly reason: string | null;
}

export interface Supervised extends Pick<Service, "name" | "isSource" | "stays" | "answers"> {
  /** Resolves when its work is done, or after `stop`; rejects when it cannot stand up. */
  readonly ended: Promise<void>;
  /** Of a source that could not go on: why. */
  readonly failure: AppError | undefined;
  state(): ServiceState;
  /** Drains it and starts it anew at once. */
  restart(): Promise<void>;
  /** Kills a run that hangs; what follows is as after any other death. */
  kill(reason: string): void;
  stop(): Promise<void>;
}

/**
 * `tell` hears in a sentence whatever is not as it should be; `died` hears of each death what the service says of it
 * itself.
 */
export function supervise(
  service: Service,
  tell: (text: string) => void,
  died?: (error: ErrorCode | null) => void,
): Supervised {
  const { name, isSource = false, stays = false, answers } = service;
  const stopping = new AbortController();
  let run: Run | undefined;
  let runsSince: number | null = null;
  let deaths = { ...noDeaths, stood: service.hasStood ?? false };
  let state: ServiceState["state"] = "waiting";
  let reason: string | null = null;
  let failure: AppError | undefined;
  let killedFor: string | null = null;
  let restarting = false;

  /** One run from its start to its end. */
  async function once(): Promise<{ ending: Ending; error?: AppError | undefined; words?: string | undefined }> {
    const logged = sizeOf(service.log);
    try {
      run = await service.start(stopping.signal);
    } catch (error) {
      const ours =
        asAppError(error) ?? new AppError("SERVICE_DIED", { what: String((error as Error).message), log: service.log });
      return { ending: { code: errors[ours.code].exit, signal: null, finished: false }, error: ours };
    }
    if (stopping.signal.aborted) await run.stop();
    [runsSince, state] = [performance.now(), "running"];
    const ending = await run.ended;
    const text = readFrom(service.log, logged);
    if (service.wordsIn) return { ending, words: service.wordsIn(text) };
    return { ending, error: ending.signal === null && ending.code !== 0 ? errorIn(text, name) : undefined };
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const { ending, error, words } = await once();
      // a start that takes long, and fails, has not run
      const ranMs = runsSince === null ? 0 : performance.now() - runsSince;
      run = undefined;
      [runsSince, state] = [null, "waiting"];
      if (stopping.signal.aborted) break;
      if (restarting) {
        restarting = false;
        continue;
      }
      const [after, next] = afterDeath(deaths, {
        at: performance.now(),
        ranMs,
        ending,
        error: error?.code ?? null,
        isSource,
      });
      if (next.type === "done") {
        state = "done";
        return;
      }
      deaths = after;
      reason = killedFor ?? shortOf(error) ?? (words === undefined ? howItEnded(ending) : `ended: ${words}`);
      killedFor = null;
      died?.(error?.code ?? null);
      if (next.type === "hopeless")
        throw error ?? new AppError("SERVICE_DIED", { what: `${name} ${reason}`, log: service.log });
      if (next.type === "failed") {
        [state, failure] = ["failed", error];
        tell(error!.message);
        return;
      }
      const often = deaths.count > 1 ? ` (${deaths.count} times in a row)` : "";
      tell(
        `${error ? reason : `${name} ${reason}`}${often}; starting it ` +
          `again${next.afterMs < 1000 ? "" : ` in ${next.afterMs / 1000} s`}`,
      );
      await sleep(next.afterMs, stopping.signal);
    }
    state = "stopped";
  }

  const ended = watch();
  ended.catch(() => {}); // the one who awaits `ended` hears of it
  return {
    ...{ name, isSource, stays, ended, ...(answers && { answers }) },
    get failure() {
      return failure;
    },
    state: () => {
      const now = performance.now();
      const level = state === "failed" ? "red" : levelOf(deaths, runsSince, now);
      const isOver = state === "running" && level === "ok";
      return {
        ...{
          name,
          pid: run?.pid ?? null,
          state,
          level,
          deaths: isOver ? 0 : deaths.count,
          reason: isOver ? null : reason,
        },
        seconds: deaths.count === 0 || isOver ? 0 : (now - deaths.since) / 1000,
        runsSeconds: runsSince === null ? null : (now - runsSince) / 1000,
      };
    },
    restart: async () => {
      if (!run) return;
      restarting = true;
      await run.stop();
    },
    kill: (why) => {
      if (run?.pid === undefined) return;
      try {
        process.kill(run.pid, "SIGKILL");
        killedFor = why;
      } catch {
        // it has just ended
      }
    },
    stop: async () => {
      stopping.abort();
      await run?.stop();
      await ended.catch(() => undefined);
    },
  };
}

/** Without what to do about it: it is being done. */
const shortOf = (error: AppError | undefined) => error?.message.replace(`. ${errors[error.code].hint}`, "");

const howItEnded = ({ code, signal }: Ending) =>
  signal !== null
    ? `was ended by ${signal}`
    : code === null
      ? "ended"
      : code === 0
        ? "was asked to stop by somebody else"
        : `ended with exit code ${code}`;

const sizeOf = (log: string) => statSync(log, { throwIfNoEntry: false })?.size ?? 0;

const MOST_WORDS = 8192;

/**
 * The service's own error, if the last line is one of ours: the person at the terminal should not have to open the log.
 */
function errorIn(text: string, name: string): AppError | undefined {
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  const [, code, what] = /^([A-Z_]+): (.*)$/.exec(line) ?? [];
  if (!code || !what || !(code in errors)) return undefined;
  const { hint } = errors[code as ErrorCode];
  return new AppError(code as ErrorCode, { what: `${name}: ${what.replace(`. ${hint}`, "")}` });
}

/**
 * The end of a file from an offset on, of one that was begun anew since all of it; nothing of one that cannot be read.
 */
function readFrom(file: string, from: number): string {
  let opened: number | undefined;
  try {
    opened = openSync(file, "r");
    const { size } = fstatSync(opened);
    const bytes = Buffer.alloc(Math.min(MOST_WORDS, size < from ? size : size - from));
    return bytes.toString("utf8", 0, readSync(opened, bytes, 0, bytes.length, size - bytes.length));
  } catch {
    return "";
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}
