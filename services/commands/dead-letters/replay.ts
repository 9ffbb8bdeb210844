// `dead-letters replay`: corrected letters back to their topics, all or none, and each only once.
import { AppError } from "../../../shared/errors/errors.ts";
import { type MessageReader, plainReader } from "../../../shared/events/shape/mapped.ts";
import { plural } from "../../../shared/health/views/figures.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { sourceOf } from "../../../shared/table/epochs.ts";
import { readInput } from "./input.ts";
import { arrivalsOf, readLetters } from "./letters.ts";
import { parseLines } from "./lines.ts";
import { batchesOf, planOf } from "./plan.ts";
import { openSentBack } from "./sent-back.ts";

const TOPIC_PARTITIONS = 4;
/** Time that a batch on its way gets when we are asked to drain. */
const GRACE_MS = 3000;
/** Problems that are listed one by one. */
const LISTED = 20;

export interface Replaying {
  /** The folder of the dead letters. */
  readonly dir: string;
  /** `-` and undefined: stdin. */
  readonly file?: string | undefined;
  /** How the messages of a topic are read. */
  readerOf?(topic: string, values: readonly (Uint8Array | null)[]): Promise<MessageReader>;
  /** Called only when there is something to send. */
  connect(): Promise<Kafka>;
  say(text: string): void;
}

export interface Outcome {
  readonly sent: number;
  /** Sent back by an earlier run. */
  readonly before: number;
  /** Not sent any more: we were asked to drain. */
  readonly left: number;
}

/** Throws LETTERS_REFUSED, with nothing sent, when any line is no event yet. */
export async function replay({ dir, file, readerOf, connect, say }: Replaying, until: Until): Promise<Outcome> {
  const text = await Promise.race([readInput(file, say), until.stopped]);
  if (text === undefined) return { sent: 0, before: 0, left: 0 };
  const lines = parseLines(text);
  const sentBack = await openSentBack(dir);
  const arrivals = await arrivalsOf(
    readLetters(dir, sentBack),
    lines.corrections.map(({ place }) => place),
  );
  const readers = new Map<string, MessageReader>();
  for (const topic of new Set(lines.corrections.map(({ place }) => place.topic))) {
    const values = lines.corrections.flatMap(({ place, value }) => (place.topic === topic ? [value] : []));
    if (readerOf) readers.set(topic, await readerOf(topic, values));
  }
  const { send, before, problems } = planOf(
    lines,
    arrivals,
    sentBack.times,
    (topic) => readers.get(topic) ?? plainReader,
  );
  if (problems.length > 0) {
    for (const problem of problems.slice(0, LISTED)) say(problem);
    if (problems.length > LISTED) say(`... and ${problems.length - LISTED} more`);
    throw new AppError("LETTERS_REFUSED", { what: `${plural(problems.length, "line")} cannot be sent back` });
  }
  if (send.length === 0) return { sent: 0, before, left: 0 };

  const kafka = await connect();
  for (const topic of new Set(send.map(({ place }) => sourceOf(place.topic).topic)))
    await kafka.ensureTopic(topic, TOPIC_PARTITIONS);
  let sent = 0;
  for (const batch of batchesOf(send)) {
    if (until.signal.aborted) break;
    const messages = batch.map(({ key, value }) => ({ key, value }));
    const acknowledged = kafka.produce(sourceOf(batch[0]!.place.topic).topic, messages).then(() => true);
    const late = until.stopped.then(() => sleep(GRACE_MS)).then(() => false);
    if (!(await Promise.race([acknowledged, late]))) {
      say(`${plural(batch.length, "letter")} on the way may arrive, and the next run sends them again`);
      break;
    }
    const places = batch.map(({ place }) => place);
    await sentBack.record(places, Date.now()).catch((error: unknown) => {
      say(
        `${plural(batch.length, "letter")} arrived but could not be marked as sent back, and the next run sends ` +
          "them again",
      );
      throw error;
    });
    sent += batch.length;
  }
  await kafka.close();
  return { sent, before, left: send.length - sent };
}
