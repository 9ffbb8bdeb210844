// The loop of replay: a chunk at the pace, to Kafka, acknowledged, then its position saved.
import type { Kafka } from "../../shared/kafka/port.ts";
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import { paceOf } from "./pace.ts";
import type { PositionFile } from "./position.ts";
import type { Source } from "./source.ts";

export interface Sending {
  readonly topic: string;
  /** Events a second; null as fast as it goes. */
  readonly rate: number | null;
  readonly from: number;
  /** Called after each acknowledged chunk. */
  sent(events: number, position: number): void;
}

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
  /** Of the one before that, while this one is sent. */
  let saving: Promise<void> | undefined;
  for await (const chunk of source.chunks(sending.from, size)) {
    const { memory } = source; // as of this chunk: the source goes on
    if (chunk.paced) await sleep(pace.wait(chunk.messages.count, performance.now()), until.signal);
    if (until.signal.aborted) break;
    // no chunk overtakes another: order is by partition, and kept
    if (before && !(await before())) {
      before = undefined;
      break;
    }
    const work = chunk.messages.count === 0 ? Promise.resolve() : kafka.produce(topic, chunk.messages);
    work.catch(() => undefined); // met below
    before = async () => {
      // not acknowledged, so not saved: it is sent again next time
      if (!(await finished(work, until.signal))) return false;
      sending.sent(chunk.messages.count, chunk.next);
      await saving;
      saving = Promise.resolve(position?.save(chunk.next, memory));
      saving.catch(() => undefined); // met below
      return true;
    };
  }
  await before?.();
  await saving;
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
