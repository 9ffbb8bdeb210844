// What to send of the operator's lines: letters that are events now, none that was sent back before, and in batches
// that a broker takes. Pure.
import { type MessageReader, type Outcome, plainReader } from "../../../shared/events/shape/mapped.ts";
import { nameOf, type Place } from "../../../shared/table/place.ts";
import type { Lines } from "./lines.ts";

/** A letter that is an event now; its key is the user, as replay's. */
export interface Sending {
  readonly place: Place;
  readonly key: string;
  readonly value: string | Buffer;
}

export interface Plan {
  readonly send: readonly Sending[];
  /** Letters that were sent back before. */
  readonly before: number;
  readonly problems: readonly string[];
}

/** `arrivals`: when each dead letter that the lines name first came, ms since 1970, by the name of its place. */
export function planOf(
  { corrections, problems }: Lines,
  arrivals: ReadonlyMap<string, number>,
  sentBack: ReadonlyMap<string, number>,
  readerOf: (topic: string) => MessageReader = () => plainReader,
): Plan {
  const send: Sending[] = [];
  const found = [...problems];
  let before = 0;
  for (const { line, place, value } of corrections) {
    const name = nameOf(place);
    const arrivedAt = arrivals.get(name);
    if (sentBack.has(name)) before++;
    else if (arrivedAt === undefined) found.push(`line ${line}: no dead letter of this table (${name})`);
    else {
      const reader = readerOf(place.topic);
      const outcome = reader.read({ value, own: arrivedAt, beside: reader.beside.map(() => null) });
      if (outcome.type === "rows")
        send.push({ place, key: outcome.rows[0]!.user, value: sent(reader, value!, arrivedAt) });
      else found.push(`line ${line}: ${whyNot(outcome, reader)} (${name})`);
    }
  }
  return { send, before, problems: found };
}

function whyNot(outcome: Exclude<Outcome, { type: "rows" }>, { beside }: MessageReader): string {
  if (outcome.type === "left-out") return "the map of its topic leaves it out";
  const lost = beside.length > 0 ? ", and a letter keeps neither key nor headers: send it from where it came" : "";
  return `still no event: ${outcome.reason}, ${outcome.detail}${lost}`;
}

/** Where a map says where times stand, nobody else can put one there. */
const sent = (reader: MessageReader, value: Uint8Array, arrivedAt: number): string | Buffer =>
  reader === plainReader ? timed(Buffer.from(value).toString(), arrivedAt) : Buffer.from(value);

/** An event without a time of its own keeps the time at which it first came: Kafka's would be that of its return. */
function timed(value: string, arrivedAt: number): string {
  const event = JSON.parse(value) as { timestamp?: number | null };
  return (event.timestamp ?? null) === null ? JSON.stringify({ ...event, timestamp: arrivedAt }) : value;
}

/** A broker takes batches below 1 MiB; a character is at most three bytes of UTF-8. */
const MAX_CHARACTERS = 340_000;

/** In order, each batch of one topic. */
export function batchesOf(send: readonly Sending[]): Sending[][] {
  const batches: Sending[][] = [];
  let characters = 0;
  for (const each of send) {
    const last = batches.at(-1);
    const length = each.key.length + each.value.length;
    if (last && last[0]!.place.topic === each.place.topic && characters + length <= MAX_CHARACTERS) {
      last.push(each);
      characters += length;
    } else {
      batches.push([each]);
      characters = length;
    }
  }
  return batches;
}
