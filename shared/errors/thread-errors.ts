// Errors from one thread to another: structured clone keeps a message, but neither our code and facts nor the operating
// system's.
import { AppError, type ErrorCode, type Facts } from "./errors.ts";

export interface PlainError {
  readonly app: { readonly code: ErrorCode; readonly facts: Facts } | null;
  readonly message: string;
  readonly stack: string;
  /** The operating system's, such as ENOSPC. */
  readonly code: string | null;
  readonly path: string | null;
  readonly syscall: string | null;
}

export function plainError(error: unknown): PlainError {
  const { message, stack, code, path, syscall } = (
    error instanceof Error ? error : new Error(String(error))
  ) as NodeJS.ErrnoException;
  const app = error instanceof AppError ? { code: error.code, facts: error.facts } : null;
  return {
    app,
    message,
    stack: stack ?? message,
    code: app === null ? (code ?? null) : null,
    path: path ?? null,
    syscall: syscall ?? null,
  };
}

export function errorOf({ app, message, stack, code, path, syscall }: PlainError): Error {
  if (app) return new AppError(app.code, app.facts);
  const error = Object.assign(
    new Error(message),
    code === null ? {} : { code },
    path === null ? {} : { path },
    syscall === null ? {} : { syscall },
  );
  error.stack = stack;
  return error;
}
