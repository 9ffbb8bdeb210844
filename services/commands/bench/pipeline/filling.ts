// The first stages of `bench pipeline`: a world's events into the table, by Kafka as users have it, or written at once.
import { orderOf, rowsAt } from "../../../../shared/events/arrange.ts";
import { batchOf } from "../../../../shared/events/batch.ts";
import { type Preset, type PresetName, presetStream } from "../../../../shared/events/presets.ts";
import { startBroker, stopBroker } from "../../../../shared/kafka/broker.ts";
import type { Until } from "../../../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../../../shared/runtime/paths.ts";
import { told } from "../../../../shared/runtime/working.ts";
import { openEvents, writeEvents } from "../../../../shared/table/events.ts";
import { progressId } from "../../../../shared/table/progress.ts";
import { forgetOtherKafkas } from "../kafka.ts";
import { bytesIn, type Stage, type Workplace } from "./measured.ts";

const SEED = 1337;
const TOPIC = "interactions";
/** Of one file, in order of bucket and user as compaction leaves them. */
const ROWS = 1_000_000;

/** Through the local Kafka of the data directory: replay, ingest, and what ingest has left to compact. */
export async function throughKafka(
  dir: string,
  name: PresetName,
  { events }: Preset,
  { run }: Workplace,
  until: Until,
): Promise<Stage[]> {
  const paths = pathsOf(dir);
  const where = ["--data-dir", dir];
  const rate = ({ seconds }: Pick<Stage, "seconds">) => ({ perSecond: events / seconds, of: "events" });
  forgetOtherKafkas();
  await startBroker(dir, { signal: until.signal });
  try {
    const world = ["synthetic", "--preset", name, "--history", String(events), "--topic", TOPIC];
    const sent = await run("replay", [...world, ...where]);
    const taken = await run("ingest", ["--topic", TOPIC, "--until-end", ...where]);
    const ofKafka = await bytesIn(paths.kafka);
    const packed = await run("compact", where);
    return [
      { name: "replay: a world into Kafka", ...sent, rate: rate(sent), disk: ofKafka },
      { name: "ingest: Kafka to table", ...taken, rate: rate(taken), disk: await bytesIn(paths.table) },
      { name: "compact", ...packed, rate: rate(packed) },
    ];
  } finally {
    await stopBroker(dir);
  }
}

/** The same rows without a Kafka, as the files of a compacted table. */
export async function writtenAtOnce(dir: string, preset: Preset, until: Until): Promise<Stage[]> {
  const startedAt = performance.now();
  const { events } = preset;
  const eventAt = presetStream(preset, SEED);
  const { table: folder } = pathsOf(dir);
  const table = await openEvents(folder);
  await told("writing the table", async (along) => {
    for (let from = 0; from < events; from += ROWS) {
      until.signal.throwIfAborted();
      along(from / events);
      const rows = Array.from({ length: Math.min(ROWS, events - from) }, (_, k) => {
        const offset = from + k;
        return { ...eventAt(offset), timestamp: 1_700_000_000_000 + offset, value: null, partition: 0, offset };
      });
      const batch = batchOf(rows);
      const add = [await writeEvents(table.store, rowsAt(batch, orderOf(batch)))];
      const txn = [{ appId: progressId(TOPIC, 0), version: from + rows.length - 1 }];
      await table.commit({ add, txn, newestArrival: 1_700_000_000_000 + from + rows.length });
    }
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const rate = { perSecond: events / seconds, of: "events" };
  return [{ name: "table written at once", seconds, rate, peaks: {}, disk: await bytesIn(folder) }];
}
