// A solved system fitted in this process: its threads' tasks are done one after another, where they are asked for.
import type { Engine } from "../../shared/compute/engine.ts";
import { type SolvedName, systemOf } from "../../shared/systems/registry.ts";
import type { Fitted } from "../../shared/systems/system.ts";

/** The model after its last sweep. */
export async function fittedHere(
  model: SolvedName,
  engine: Engine,
  rows: readonly Int32Array[],
  config: { readonly items: number } & Readonly<Record<string, unknown>>,
): Promise<Fitted> {
  const system = systemOf(model);
  let last: Fitted | undefined;
  const sweeps = system.fit({
    rows,
    config,
    seed: 1,
    signal: new AbortController().signal,
    progress: () => {},
    engine: async () => engine,
    threads: (task, shared) => {
      const work = system.tasks[task]!(shared as never);
      return { run: async (jobs) => jobs.map((job) => work(job as never)) as never, close: async () => {} };
    },
  });
  for await (const fitted of sweeps) last = fitted;
  return last!;
}
