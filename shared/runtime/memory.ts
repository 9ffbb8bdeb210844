// What a process may have of memory, and the refusal of what will not fit: one that the system ends after ten minutes
// says nothing.
import { totalmem } from "node:os";
import { AppError } from "../errors/errors.ts";

/** Bytes: of the machine, or of the container where that has fewer. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem(); // 0 or none: not known
}

/** `what` is to be fitted, `needed` and `limit` in bytes. Throws DATA_TOO_LARGE. */
export function mustHaveRoom(
  what: { readonly model: string; readonly data: string },
  needed: number,
  limit: number,
): void {
  if (needed <= limit) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new AppError("DATA_TOO_LARGE", {
    what: `${what.model} would take about ${gigabytes(needed)} for ${what.data}, and there are ${gigabytes(limit)}`,
  });
}
