// Asks a registered process for its /status. Silence is an answer too: it comes back as null, never as an error.
import type { z } from "zod";
import { discover, type Registration } from "./registry.ts";
import type { Answer } from "../picture/statuses.ts";

/** What GET /status answers within `timeoutMs`, or null. */
export async function askStatus(process: Registration, timeoutMs: number): Promise<unknown> {
  try {
    const response = await fetch(`${process.url}/status`, { signal: AbortSignal.timeout(timeoutMs) });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // refused, too late, not JSON: the picture says that it does not answer
  }
}

/** The same of the process `pid`, if it has the shape that `schema` asks for. Undefined while it starts, ends, or computes and cannot answer just now. */
export async function askProcess<S extends z.ZodType>(
  runDir: string,
  pid: number | undefined,
  schema: S,
  timeoutMs: number,
): Promise<z.output<S> | undefined> {
  const entry = discover(runDir).find((process) => process.pid === pid);
  return entry && schema.safeParse(await askStatus(entry, timeoutMs)).data;
}

/** Every registered process asked once, all at the same time. */
export async function askAll(runDir: string, timeoutMs: number): Promise<Answer[]> {
  return await Promise.all(
    discover(runDir).map(async (process) => {
      const status = await askStatus(process, timeoutMs);
      return { ...process, status, answeredAt: status === null ? null : Date.now() };
    }),
  );
}
