// What a run begins with: its own newest checkpoint, else the weights of --from, else drawn ones. Read before the first
// step, taken over once. Between main.ts and saving/.
import type { Corpus } from "../../shared/corpus/corpus.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { memoryLimit } from "../../shared/runtime/memory.ts";
import type { Network } from "../../shared/systems/turned.ts";
import { modelOf } from "../../shared/training/knobs.ts";
import { mustFitMemory } from "./needs.ts";
import type { Config } from "./options.ts";
import {
  latestCheckpoint,
  mustFit,
  type Numbered,
  type Origin,
  originOf,
  type Resumed,
  resumeOrBegin,
} from "./saving/persistence.ts";
import { mustHoldOut, openStart } from "./saving/start.ts";

export interface Beginning {
  /** Of the model of --from, which decides the layers. */
  readonly network: Network | undefined;
  /** Looks for a checkpoint to go on from. */
  find(): Promise<Origin | undefined>;
  /** What there is to begin with must be of the data's items, and hold out its users. Throws CHECKPOINT_MISMATCH. */
  mustSuit(corpus: Corpus): void;
  /** Once: what was read is as large as the run, which takes it over. Throws DATA_TOO_LARGE, CHECKPOINT_MISMATCH. */
  begin(items: number, users?: Numbered, trainUsers?: number): Resumed;
}

/** Throws CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_MISMATCH. */
export async function openBeginning(config: Config, log: Log): Promise<Beginning> {
  let start = config.from === undefined ? undefined : await openStart(config.from);
  const network = start?.network;
  let found: Awaited<ReturnType<typeof latestCheckpoint>>;
  return {
    network,
    async find() {
      found = await latestCheckpoint(config.out, log);
      return found && originOf(found);
    },
    mustSuit(corpus) {
      for (const other of [found, start]) if (other) mustFit(other, corpus.vocabulary, "equal");
      if (start) mustHoldOut(start, corpus);
    },
    begin(items, users, trainUsers) {
      // A run that is gone on with had room, and has most of it already.
      if (!found)
        mustFitMemory(
          config.model,
          modelOf(config, items, trainUsers, network),
          process.memoryUsage.rss(),
          memoryLimit(),
        );
      const resumed = resumeOrBegin(found, { ...config, start }, items, users, trainUsers);
      found = start = undefined;
      return resumed;
    },
  };
}
