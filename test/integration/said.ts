// What a service says of itself, as its own schema has it: a field that the schema does not tell of fails whichever
// test asks.
import { expect } from "vitest";
import type { z } from "zod";
import { statuses } from "../../shared/health/status/readings.ts";

export type ServiceName = keyof typeof statuses;
export type StatusOf<S extends ServiceName> = z.output<(typeof statuses)[S]>;

/**
 * Rejects where nobody answers, with the error of `fetch`: `silent` makes it undefined, and lets what a test must hear
 * of through.
 */
export async function statusAt<S extends ServiceName>(service: S, url: string): Promise<StatusOf<S>> {
  const answer = await (await fetch(`${url}/status`, { signal: AbortSignal.timeout(10_000) })).json();
  const status = statuses[service].parse(answer) as StatusOf<S>;
  expect(status).toEqual(answer);
  return status;
}

export function silent(error: unknown): undefined {
  if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
}
