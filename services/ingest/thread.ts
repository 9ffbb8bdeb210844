// The thread that parses, buffers and writes, so that no Parquet file ever delays a heartbeat. It serves what
// pipeline.ts asks, in the order in which it is asked.
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { plainError } from "../../shared/errors/thread-errors.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape } from "../../shared/events/shape/shape.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { declareShape, inWords } from "../../shared/table/shapes.ts";
import { openTables } from "../../shared/table/tables.ts";
import { openInWork } from "./in-work.ts";
import { createIntake } from "./intake.ts";
import type { FromThread, ThreadSettings, ToThread } from "./pipeline.ts";
import type { Seen } from "./seen.ts";
import { createWriter } from "./writer.ts";

const TICK_MS = 200;

const port = parentPort!;
const settings = (workerData as { settings: ThreadSettings }).settings;
const tell = (message: FromThread) => port.postMessage(message);
const fail = (error: unknown) => tell({ type: "failed", error: plainError(error) });

const log = createLog("ingest");
const { through } = openPatience(log);
const tables = await through("the tables cannot be read", () => openTables(settings.tableDir, settings.deadLettersDir));
const { shape, topic } = settings;
const changed = await through("the map cannot be put on record", () => declareShape(tables.events, topic, shape));
if (changed && (changed.before || tables.events.version > 0))
  log.warn(
    { topic, before: inWords(changed.before), now: inWords(shape) },
    `the map of ${topic} is another one than in the run before: rows from here on are made by the new one`,
  );
const writer = createWriter(tables, settings.topic);
const asked: ((seen: Seen | null) => void)[] = [];
const intake = createIntake(
  {
    ...settings,
    look: () =>
      new Promise((resolve) => {
        asked.push(resolve);
        tell({ type: "look" });
      }),
    reader: shape ? readerOf(parseShape(shape)) : undefined,
    inWork: openInWork(join(settings.tableDir, "in-work"), settings.topic),
    reassign: () => tell({ type: "reassign" }),
    committed: (next) => tell({ type: "committed", next }),
    tell: (news) => tell({ type: "news", news }),
  },
  writer,
  log,
);
void intake.ended.then(() => tell({ type: "ended" }));

let ticking = false;
setInterval(() => {
  if (ticking) return; // a full disk may hold one up for long
  ticking = true;
  void intake
    .tick()
    .catch(fail)
    .finally(() => {
      ticking = false;
    });
}, TICK_MS);

port.on("message", (message: ToThread) => {
  switch (message.type) {
    case "assigned":
      return void intake
        .assigned(message.partitions, message.generation, message.seen)
        .then((starts) => tell({ type: "answer", starts }), fail);
    case "fetched":
      return void intake.fetched(message.batch).then(() => tell({ type: "taken", bytes: message.bytes }), fail);
    case "looked":
      return asked.shift()?.(message.seen);
    case "rebalancing":
      return void intake.rebalancing().catch(fail);
    case "recheck":
      return void intake.recheck().catch(fail);
    case "drain":
      return void intake.drain(message.patienceMs).then(() => tell({ type: "answer", starts: null }), fail);
  }
});
tell({ type: "ready" });
