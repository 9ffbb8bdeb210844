// Asks a registered process for its /status. Silence is an answer too: it comes back as null, never as an error.
import type { z } from "zod";
import { isLoopback } from "../http/loopback.ts";
import { discover, type Registration } from "../http/registry.ts";
import { readToken } from "../http/token.ts";
import { setting } from "../runtime/command.ts";
import type { Answer } from "./facts/flow.ts";

/** The reader's token of TRIBUTARY_TOKEN_FILE, for services in other containers; a file without one has none. */
function bearer(url: string): Record<string, string> {
  if (isLoopback(new URL(url).hostname)) return {};
  try {
    const token = readToken(setting(process.env, "TRIBUTARY_TOKEN_FILE"), "reader");
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  } catch {
    return {};
  }
}

/** What GET /status answers within `timeoutMs`, or null. */
export async function askStatus({ url }: Pick<Registration, "url">, timeoutMs: number): Promise<unknown> {
  const controller = new AbortController();
  // A timer of our own: AbortSignal.timeout keeps no process alive, and one whose last child died while it was asked
  // ended in the middle of this.
  const alarm = setTimeout(() => controller.abort(), timeoutMs);
  try {
    const response = await fetch(`${url}/status`, { signal: controller.signal, headers: bearer(url) });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // refused, too late, not JSON: health says that it does not answer
  } finally {
    clearTimeout(alarm);
  }
}

/**
 * The same of the process `pid`, if it has the shape that `schema` asks for. Undefined while it starts, ends, or
 * computes and cannot answer just now.
 */
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
