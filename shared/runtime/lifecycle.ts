// From start to exit of a process: signals become one promise, the first asks to drain, the second ends at once; errors become one message and an exit code.
import { AppError, errors } from "./errors.ts";

export interface Until {
  /** Aborted when the process is asked to drain. */
  readonly signal: AbortSignal;
  /** Resolves when the process is asked to drain. */
  readonly stopped: Promise<void>;
}

/** Runs a command's body and ends the process: 0 done or drained, the error's own code, 130 on the second Ctrl-C. */
export async function run(body: (until: Until) => Promise<void>): Promise<never> {
  const controller = new AbortController();
  const stopped = new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve(), { once: true }));
  const stop = (signal: string) => {
    if (!controller.signal.aborted) controller.abort();
    else if (signal === "SIGINT") process.exit(130);
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  if (process.channel) {
    process.on("disconnect", () => stop("disconnect")); // the parent died: drain, leave no orphan
    process.channel.unref();
  }
  process.on("unhandledRejection", (error) => fail(error));
  process.on("uncaughtException", (error) => fail(error));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  try {
    await body({ signal: controller.signal, stopped });
    await new Promise((resolve) => process.stdout.write("", resolve)); // a pipe takes 64 kB at a time, and exit drops the rest
    return process.exit(process.exitCode ?? 0);
  } catch (error) {
    return fail(error);
  }
}

function fail(error: unknown): never {
  const known = asAppError(error);
  if (known) process.stderr.write(`${known.message}\n`);
  else process.stderr.write(`INTERNAL: ${error instanceof Error ? error.stack : String(error)}\n`);
  return process.exit(known ? errors[known.code].exit : 1);
}

/** Errors of the operating system that every service can meet get their code here, once. */
export function asAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  const { code, message, path, port = 0 } = (error ?? {}) as NodeJS.ErrnoException & { port?: number };
  const where = path ? { path } : {};
  if (code === "ENOSPC") return new AppError("DISK_FULL", { what: message ?? "no space left", ...where }, { cause: error });
  if (code === "EADDRINUSE") return new AppError("PORT_IN_USE", { what: `port ${port} is taken` }, { cause: error });
  if (code === "EACCES" || code === "EPERM" || code === "EISDIR")
    return new AppError("FILE_UNREADABLE", { what: message ?? code, ...where }, { cause: error });
  return undefined;
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
