// Whether the services of `up` stand: one is there, or one never will be.
import { discover } from "../../../shared/http/registry.ts";
import { sleep } from "../../../shared/runtime/lifecycle.ts";
import type { Supervised } from "../../../shared/runtime/supervise.ts";

/** Rejects when a service cannot stand up. */
export function failureOf(services: readonly Supervised[]): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    for (const service of services) service.ended.catch(reject);
  });
  failure.catch(() => {});
  return failure;
}

/** Its address; undefined where `up` is stopped before. */
export async function registered(runDir: string, service: string, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    const found = discover(runDir).find((process) => process.service === service);
    if (found) return found.url;
    await sleep(100, signal);
  }
  return undefined;
}
