// The events that are replayed, as columns of numbers: 8 bytes each, and every name once. From a file, in its order or
// by time, or from the synthetic stream.
import { basename } from "node:path";
import type { EventColumns } from "../../../../shared/corpus/liang.ts";
import { AppError } from "../../../../shared/errors/errors.ts";
import { doubled, doubledFloats } from "../../../../shared/events/longer.ts";
import { skippedRows } from "../../../../shared/events/skipped.ts";
import { syntheticStream } from "../../../../shared/events/synthetic.ts";
import { Vocabulary } from "../../../../shared/events/vocabulary.ts";
import { mustHoldEvents, reasonsOf } from "../../../../shared/files/event-file.ts";
import { formatOf } from "../../../../shared/files/flags.ts";
import { openEventFile } from "../../../../shared/files/open-events.ts";
import type { StreamConfig } from "./options.ts";

export interface StreamEvents extends EventColumns {
  /** For people. */
  readonly name: string;
}

interface Telling {
  say(text: string): void;
  show(text: string): void;
}

/** Events that there is room for at first. */
const ROOM = 1 << 16;
const SYNTHETIC_EVENTS = 200_000;

/** Throws as the reading of a file does, NO_EVENTS; ROWS_REFUSED where it is strict. */
export async function readStream(config: StreamConfig, telling: Telling, signal: AbortSignal): Promise<StreamEvents> {
  return config.stream === "synthetic" ? synthetic(config) : await fromFile(config, telling, signal);
}

function synthetic({ seed, drift, events = SYNTHETIC_EVENTS }: StreamConfig): StreamEvents {
  const eventAt = syntheticStream(seed, drift);
  const columns = openColumns();
  for (let index = 0; index < events; index++) columns.push(eventAt(index), 0);
  return { ...columns.inOrder(false), name: `synthetic, drift ${drift}, seed ${seed}` };
}

async function fromFile(config: StreamConfig, { say, show }: Telling, signal: AbortSignal): Promise<StreamEvents> {
  const { stream: path, events: most = Number.POSITIVE_INFINITY, onBadRow } = config;
  const file = await openEventFile(path, formatOf(config));
  try {
    const byTime = config.order === "time";
    if (byTime && file.columns.timestamp === null)
      throw new AppError("USAGE", { what: "--order time: no column of the file holds a time", path });
    if (byTime && file.isPipe) throw new AppError("USAGE", { what: "--order time: a pipe is read once", path });
    for (const remark of file.remarks) say(remark);
    // Unless it orders them the time plays no part, so that one that cannot be read costs no event.
    const unit = byTime ? (await file.survey(0, onBadRow === "fail")).unit : "ms";
    const skipped = skippedRows(say, file.place);
    const columns = openColumns();
    // By time the first are known when all are.
    const enough = () => !byTime && columns.length >= most;
    reading: for await (const batch of file.batches(unit, 0, skipped.skip, { time: byTime, value: false })) {
      for (let k = 0; k < batch.length; k++) {
        if (enough()) break reading;
        const row = batch.row(k);
        if ("problem" in row) skipped.skip(batch.place(k), row.problem, row.kind);
        else columns.push(row, row.timestamp);
      }
      signal.throwIfAborted();
      show(`reading ${basename(path)}: ${columns.length.toLocaleString("en-US")} events`);
    }
    mustHoldEvents(path, columns.length, skipped, file.place);
    if (skipped.count > 0 && onBadRow === "fail")
      throw new AppError("ROWS_REFUSED", {
        what: `${skipped.count} rows are no events: ${reasonsOf(skipped, file.place)} (--on-bad-row skip)`,
        path,
      });
    return { ...columns.inOrder(byTime, most), name: basename(path) };
  } finally {
    file.close();
  }
}

/** Grows as rows come. */
function openColumns() {
  const [users, items] = [new Vocabulary(), new Vocabulary()];
  let userOf: Int32Array = new Int32Array(ROOM);
  let itemOf: Int32Array = new Int32Array(ROOM);
  let timeOf: Float64Array = new Float64Array(ROOM);
  let length = 0;
  let newest = Number.NEGATIVE_INFINITY;
  return {
    get length() {
      return length;
    },
    /** A row without a time came when the one before it did. */
    push({ user, item }: { readonly user: string; readonly item: string }, time: number | null) {
      if (length === userOf.length) {
        [userOf, itemOf] = [doubled(userOf, length + 1), doubled(itemOf, length + 1)];
        timeOf = doubledFloats(timeOf, length + 1);
      }
      newest = time ?? newest;
      userOf[length] = users.column(user) ?? users.add(user);
      itemOf[length] = items.column(item) ?? items.add(item);
      timeOf[length++] = newest;
    },
    inOrder(byTime: boolean, most = length): EventColumns {
      const order = Uint32Array.from({ length }, (_, k) => k);
      if (byTime) order.sort((a, b) => timeOf[a]! - timeOf[b]! || a - b);
      const taken = order.subarray(0, Math.min(length, most));
      return {
        ...{ users: users.items, items: items.items },
        userOf: Int32Array.from(taken, (k) => userOf[k]!),
        itemOf: Int32Array.from(taken, (k) => itemOf[k]!),
      };
    },
  };
}
