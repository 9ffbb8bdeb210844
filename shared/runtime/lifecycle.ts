// From start to exit of a process: signals become one promise, the first asks to drain, the second ends at once; errors
// become one message and an exit code.
import { AppError, type ErrorCode, errors, type Facts } from "../errors/errors.ts";
import { systemError } from "../errors/os-errors.ts";
import { onOneLine } from "./printable.ts";

export interface Until {
  /** Aborted when the process is asked to drain. */
  readonly signal: AbortSignal;
  /** Resolves when the process is asked to drain. */
  readonly stopped: Promise<void>;
}

/** Whether output that nobody reads any more asks to drain. */
let drainsWithOutput = false;

/**
 * For a process that has others to end: a pipe that is closed (`| head`) and a terminal that is gone ask it to drain,
 * where they end other commands at once.
 */
export function drainWithOutput(): void {
  drainsWithOutput = true;
}

/** Runs a command's body and ends the process: 0 done or drained, the error's own code, 130 on the second Ctrl-C. */
export async function run(body: (until: Until) => Promise<void>): Promise<never> {
  const controller = new AbortController();
  const stopped = new Promise<void>((resolve) =>
    controller.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  const stop = (signal?: string) => {
    if (!controller.signal.aborted) controller.abort();
    else if (signal === "SIGINT") process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
  if (process.channel) {
    process.on("disconnect", () => stop()); // the parent died: drain, leave no orphan
    process.channel.unref();
  }
  process.on("unhandledRejection", (error) => fail(error));
  process.on("uncaughtException", (error) => fail(error));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => outputFailed(error, true, stop));
  process.stderr.on("error", (error: NodeJS.ErrnoException) => outputFailed(error, false, stop));
  try {
    await body({ signal: controller.signal, stopped });
    // a pipe takes 64 kB at a time, and exit drops the rest
    await new Promise((resolve) => process.stdout.write("", resolve));
    if (!controller.signal.aborted) await tellFinished();
    return process.exit(process.exitCode ?? 0);
  } catch (error) {
    // it ended half-way, as it was asked to
    if (controller.signal.aborted && error === controller.signal.reason) return process.exit(process.exitCode ?? 0);
    return fail(error);
  }
}

/** A full disk below a file of messages ends nothing; data on stdout that is lost is a failure. */
function outputFailed({ code }: NodeJS.ErrnoException, isData: boolean, stop: () => void): void {
  const isGone = code === "EPIPE" || code === "EIO"; // EIO: the terminal is closed
  if (drainsWithOutput && isGone) stop();
  else if (!drainsWithOutput && (isGone || isData)) process.exit(code === "EPIPE" ? 0 : 1);
}

/** To a drain and to work that is done belongs exit code 0: the parent is told which it was. */
function tellFinished(): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve();
    process.send({ finished: true }, undefined, undefined, () => resolve());
  });
}

const linesOf = (text: string) => text.split("\n").map(onOneLine).join("\n");

function fail(error: unknown): never {
  const ours = asAppError(error);
  // It may quote a stranger's words, which are none of the terminal's.
  if (ours) process.stderr.write(`${onOneLine(ours.message)}\n`);
  else
    process.stderr.write(
      `INTERNAL: ${linesOf(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
    );
  if (ours && process.connected) process.send?.({ failed: ours.code }, undefined, undefined, () => {});
  return process.exit(ours ? errors[ours.code].exit : 1);
}

/**
 * Ours, also where another thread threw it (what comes from there is of no class of ours), and those of the operating
 * system that a user can do something about.
 */
export function asAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (!(error instanceof Error)) return undefined;
  const { name, code, facts } = error as Error & { code?: string; facts?: Facts };
  if (name === "AppError" && code !== undefined && code in errors)
    return new AppError(code as ErrorCode, facts ?? {}, { cause: error });
  return systemError(error) ?? libraryError(error);
}

/** What TensorFlow's library fails with, as its binding throws it: no memory (8), a device in disorder. */
function libraryError(error: Error): AppError | undefined {
  const [, what] = /^Invalid TF_Status: (?:2|8|10|13|14|15)\s+(?:Message: )?(.+)/.exec(error.message) ?? [];
  return what === undefined ? undefined : new AppError("ENGINE_FAILED", { what }, { cause: error });
}

/** Waits, or returns at once when the signal fires. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
