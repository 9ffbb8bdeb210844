// Requests of the page to its dashboard, by paths below its own: the answer, or what was refused and what to do. Never
// throws.
import type { RefusalAnswer } from "../refusals.ts";

export async function ask<T extends object>(path: string, init: RequestInit = {}): Promise<T | RefusalAnswer> {
  try {
    const response = await fetch(path, { ...init, signal: AbortSignal.timeout(60_000) });
    return (await response.json()) as T | RefusalAnswer;
  } catch {
    return { code: "SERVICE_UNREACHABLE", message: "the dashboard does not answer", hint: "look whether it runs" };
  }
}
