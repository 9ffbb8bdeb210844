// The thread that parses, buffers and writes, so that no Parquet file ever delays a heartbeat. It serves what
// pipeline.ts asks, in the order in which it is asked.
import { parentPort, workerData } from "node:worker_threads";
import { AppError } from "../../shared/errors/errors.ts";
import { plainError } from "../../shared/errors/thread-errors.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape, type ShapeText } from "../../shared/events/shape/shape.ts";
import { setting } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { declareShape, inWords, shapeChangedAt } from "../../shared/table/shapes.ts";
import { openTables } from "../../shared/table/tables.ts";
import { openInWork } from "./in-work.ts";
import { createIntake, type Intake } from "./intake.ts";
import type { FromThread, ThreadSettings, ToThread } from "./pipeline.ts";
import { openDecoding } from "./schemas.ts";
import type { Seen } from "./seen.ts";
import { createWriter } from "./writer.ts";

const TICK_MS = 200;
const SOON_MS = 1000;
/** Time to write what is held of the other topics, when one of them cannot go on. */
const LAST_MS = 2500;

const port = parentPort!;
const settings = (workerData as { settings: ThreadSettings }).settings;
const tell = (message: FromThread) => port.postMessage(message);

const log = createLog("ingest");
const { through } = openPatience(log);
const tables = await through("the tables cannot be read", () => openTables(settings.tableDir, settings.deadLettersDir));
for (const { store } of [tables.events, tables.deadLetters])
  await through("the tables cannot be written", () => store.mustBeFit());
const intakes = new Map<string, Intake>();
/** By topic, once it stands in the table how its messages are read. */
const declared = new Map<string, Promise<void>>();
/** What is held of all topics together is bounded. */
const limits = {
  ...settings.limits,
  get bytes() {
    return settings.limits.bytes / Math.max(1, intakes.size);
  },
};
/**
 * Questions without an answer, by their numbers: topics are asked of side by side, and one may answer before another.
 */
const asked = new Map<number, (answer: Seen | number | null | undefined) => void>();
let questions = 0;

/** Undefined where Kafka does not answer soon. */
const ask = (of: (question: number) => FromThread) =>
  new Promise<Seen | number | null | undefined>((resolve) => {
    const question = questions++;
    const late = setTimeout(() => asked.get(question)!(undefined), SOON_MS);
    asked.set(question, (answer) => {
      clearTimeout(late);
      asked.delete(question);
      resolve(answer);
    });
    tell(of(question));
  });

const look = async (topic: string): Promise<Seen | null> =>
  ((await ask((question) => ({ type: "look", topic, question }))) ?? null) as Seen | null;
const printAt = async (topic: string, partition: number, offset: number) =>
  (await ask((question) => ({ type: "print", topic, question, partition, offset }))) as number | null | undefined;

async function declare(topic: string, shape: ShapeText | null): Promise<void> {
  const changed = await through("the map cannot be put on record", () => declareShape(tables.events, topic, shape));
  const changedAt = shapeChangedAt(tables.events.offsets, topic);
  const before = changed && changedAt !== null ? inWords(changed.before) : null;
  tell({ type: "news", topic, news: { type: "shape", shape, changedAt, before } });
  if (before === null) return;
  log.warn(
    { topic, before, now: inWords(shape) },
    `the map of ${topic} is another one than in the run before: rows from here on are made by the new one`,
  );
}

const auth = setting(process.env, "SCHEMA_REGISTRY_AUTH");

function open({ topic, ends, shape, takesPrints }: Extract<ToThread, { type: "open" }>): void {
  const { decode, inTurn } = openDecoding(shape?.registry, auth, log, (news) => tell({ type: "news", topic, news }));
  const intake = createIntake(
    {
      ...settings,
      ...{ topic, ends, limits, takesPrints },
      look: () => look(topic),
      printAt: (partition, offset) => printAt(topic, partition, offset),
      reader: shape ? readerOf(parseShape(shape), decode) : undefined,
      inWork: openInWork(settings.inWorkDir, topic),
      reassign: () => tell({ type: "reassign", topic }),
      committed: (next) => tell({ type: "committed", topic, next }),
      tell: (news) => tell({ type: "news", topic, news }),
    },
    createWriter(tables, topic, { isContested: shape !== null }),
    log,
  );
  intakes.set(topic, { ...intake, fetched: (batch) => inTurn(batch, intake.fetched) });
  declared.set(topic, declare(topic, shape));
  declared.get(topic)!.catch(fail);
  void intake.ended.then(() => tell({ type: "ended", topic }));
}

const drain = (patienceMs: number) => Promise.all([...intakes.values()].map((intake) => intake.drain(patienceMs)));

/** What the other topics hold is written before one of them ends everything. */
async function fail(error: unknown): Promise<void> {
  if (error instanceof AppError) await drain(LAST_MS).catch(() => undefined);
  tell({ type: "failed", error: plainError(error) });
}

let ticking = false;
setInterval(() => {
  if (ticking) return; // a full disk may hold one up for long
  ticking = true;
  void Promise.all([...intakes.values()].map((intake) => intake.tick()))
    .catch(fail)
    .finally(() => {
      ticking = false;
    });
}, TICK_MS);

port.on("message", (message: ToThread) => {
  const intake = "topic" in message ? intakes.get(message.topic)! : undefined;
  switch (message.type) {
    case "open":
      return open(message);
    case "assigned":
      return void declared
        .get(message.topic)!
        .then(() => intake!.assigned(message.partitions, message.generation, message.seen))
        .then((starts) => tell({ type: "answer", topic: message.topic, starts }), fail);
    case "fetched":
      return void intake!.fetched(message.batch).then(() => tell({ type: "taken", bytes: message.bytes }), fail);
    case "looked":
      return asked.get(message.question)?.(message.seen); // none: it came too late
    case "printed":
      return asked.get(message.question)?.(message.print); // likewise
    case "rebalancing":
      return void intake!.rebalancing().catch(fail);
    case "recheck":
      return void intake!.recheck().catch(fail);
    case "asking":
      return intake!.asking();
    case "answered":
      return intake!.answered(message.seen);
    case "drain":
      return void drain(message.patienceMs).then(() => tell({ type: "drained" }), fail);
  }
});
tell({ type: "ready" });
