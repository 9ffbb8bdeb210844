// A solved system's fit with what this process has: threads on its tasks, an engine on all cores.
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { openThreads } from "../../../shared/runtime/threads.ts";
import { type SolvedName, systemOf } from "../../../shared/systems/registry.ts";
import type { Fitted, Fitting, Sized } from "../../../shared/systems/system.ts";

type Given = Pick<Fitting<Sized>, "rows" | "config" | "seed" | "signal" | "progress"> & { readonly threads: number };

/** What a thread is given at its start, solving-thread.ts. */
export interface Told {
  readonly model: SolvedName;
  readonly task: string;
  readonly shared: unknown;
}

/** The model as it stands after each sweep over the data. */
export function fitted(model: SolvedName, { threads, ...given }: Given): AsyncGenerator<Fitted, void> {
  return systemOf(model).fit({
    ...given,
    threads: (task, shared) =>
      openThreads(
        new URL("./solving-thread.ts", import.meta.url),
        { model, task, shared } satisfies Told,
        threads,
        given.signal,
      ),
    engine: () => openEngine({ threads }),
  });
}
