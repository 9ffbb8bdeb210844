// The synthetic stream as a source: a history spread over the 24 hours before the first start, then live events for
// ever; or a world of the size of a known data set, as one history that ends.
import { type PresetName, presetOf, presetStream } from "../../shared/events/presets.ts";
import { type Drift, syntheticStream } from "../../shared/events/synthetic.ts";
import type { Chunk, Source } from "./source.ts";
import { eventWriter } from "./writing.ts";

const HISTORY_MS = 24 * 3600_000;

/** Events before what is live, where nothing else is said and no preset is named. */
const HISTORY = 150_000;

interface Wanted {
  readonly seed: number;
  readonly drift: Drift;
  /** Events of it; of a preset all of them where nothing is said. */
  readonly history?: number | undefined;
  readonly preset?: PresetName | undefined;
}

/** `startedAt`: of the first start, ms; `live`: go on after the history, which a preset never does. */
export function syntheticSource(wanted: Wanted, startedAt: number, goesOn: boolean): Source {
  const { seed, drift, preset: name } = wanted;
  const preset = name && presetOf(name, wanted.history);
  const history = preset?.events ?? wanted.history ?? HISTORY;
  const live = goesOn && !preset;
  const which = preset ? ` preset ${name} of ${history}` : drift === "slow" ? "" : ` drift ${drift}`;
  const eventAt = preset ? presetStream(preset, seed) : syntheticStream(seed, drift);
  async function* chunks(from: number, size: number): AsyncIterable<Chunk> {
    const writer = eventWriter();
    for (let start = from; live || start < history; ) {
      const past = start < history;
      const next = past ? Math.min(history, start + (preset ? size : HISTORY_CHUNK)) : start + size;
      for (let index = start; index < next; index++) {
        const timestamp = past ? Math.floor(startedAt - HISTORY_MS + (HISTORY_MS * index) / history) : null;
        writer.add({ ...eventAt(index), timestamp, value: null });
      }
      yield { messages: writer.take(), next, paced: !past || preset !== undefined };
      start = next;
    }
  }
  return {
    name: "synthetic",
    identity: `synthetic seed ${seed}${which}`,
    total: live ? null : history,
    chunks,
    fraction: (position) => (live && position >= history ? null : Math.min(1, position / Math.max(1, history))),
    skipped: 0,
    memory: { startedAt },
  };
}

const HISTORY_CHUNK = 4000;
