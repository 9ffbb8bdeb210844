// The loop of replay: a chunk at the pace, to Kafka, acknowledged, then its position saved.
import type { Row } from "../../shared/events/columns.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import type { Outgoing } from "../../shared/kafka/record-batch.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import { paceOf } from "./pace.ts";
import type { PositionFile } from "./position.ts";
import type { Chunk, Source } from "./source.ts";

export interface Sending {
  readonly topic: string;
  /** Events a second; null as fast as it goes. */
  readonly rate: number | null;
  readonly from: number;
  /** Called after each acknowledged chunk. */
  sent(events: number, position: number): void;
}

/** A broker takes batches below 1 MiB; a character is at most three bytes of UTF-8. */
const MAX_CHARACTERS = 340_000;
const FULL_SPEED_CHUNK = 4000;
/** Time that a chunk on its way gets when we are asked to drain. */
const GRACE_MS = 3000;

/** Returns when the source is done or we are asked to drain. */
export async function sendAll(
  source: Source,
  kafka: Kafka,
  position: PositionFile | null,
  sending: Sending,
  until: Until,
): Promise<void> {
  const { topic, rate } = sending;
  const pace = paceOf(rate);
  const size = rate === null ? FULL_SPEED_CHUNK : Math.max(1, Math.min(FULL_SPEED_CHUNK, Math.round(rate / 10)));
  /** A chunk on its way, while the one behind it is read. */
  let before: (() => Promise<boolean>) | undefined;
  for await (const chunk of source.chunks(sending.from, size)) {
    const { memory } = source; // as of this chunk: the source goes on
    if (chunk.paced) await sleep(pace.wait(chunk.rows.length, performance.now()), until.signal);
    if (until.signal.aborted) break;
    if (before && !(await before())) return; // no chunk overtakes another: order is by partition, and kept
    const work = produce(kafka, topic, chunk);
    work.catch(() => undefined); // met below
    before = async () => {
      // not acknowledged, so not saved: it is sent again next time
      if (!(await finished(work, until.signal))) return false;
      await position?.save(chunk.next, memory);
      sending.sent(chunk.rows.length, chunk.next);
      return true;
    };
  }
  await before?.();
}

async function produce(kafka: Kafka, topic: string, { rows }: Chunk): Promise<void> {
  let messages: Outgoing[] = [];
  let characters = 0;
  for (const row of rows) {
    const message = { key: row.user, value: format(row) };
    messages.push(message);
    characters += message.key.length + message.value.length;
    if (characters > MAX_CHARACTERS) {
      await kafka.produce(topic, messages);
      messages = [];
      characters = 0;
    }
  }
  if (messages.length > 0) await kafka.produce(topic, messages);
}

/** Whether the work ended: after the signal it has only so much time. */
function finished(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const limit = () => {
      timer = setTimeout(() => resolve(false), GRACE_MS);
    };
    if (signal.aborted) limit();
    signal.addEventListener("abort", limit, { once: true });
    work
      .then(() => resolve(true), reject)
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener("abort", limit);
      });
  });
}

/** Without a time, Kafka's own counts. */
function format({ user, item, timestamp, value }: Row): string {
  const time = timestamp === null ? "" : `,"timestamp":${timestamp}`;
  return `{"user":${quoted(user)},"item":${quoted(item)}${time}${value === null ? "" : `,"value":${value}`}}`;
}

/** What JSON writes as it is: most names, and JSON.stringify takes three times as long. */
const plain = /^[ !#-[\]-~]*$/;
const quoted = (name: string) => (plain.test(name) ? `"${name}"` : JSON.stringify(name));
