// What goes wrong again and again in the background is said once.
import { AppError } from "../../shared/errors/errors.ts";
import { isPassing } from "../../shared/errors/os-errors.ts";
import type { Log } from "../../shared/runtime/log.ts";

/** Throws what is neither ours nor the system's for a while. */
export function openTelling(log: Log): (error: unknown) => void {
  const told = new Set<string>();
  return (error) => {
    if (!(error instanceof AppError) && !isPassing(error)) throw error;
    const { message } = error as Error;
    if (!told.has(message)) log.warn(message);
    told.add(message);
  };
}
