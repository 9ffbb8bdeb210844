// What a replay's chunk says, read back from the messages that carry it.
import type { Chunk } from "../../services/replay/source.ts";
import type { Row } from "../../shared/events/columns.ts";

/** The events of a chunk. Throws where a message's key is not its user. */
export function rowsIn({ messages: { count, bytes, places } }: Chunk): Row[] {
  const text = Buffer.from(bytes);
  const piece = (at: number) => text.toString("utf8", places[at], places[at + 1]);
  return Array.from({ length: count }, (_, k) => {
    const { user, item, timestamp = null, value = null } = JSON.parse(piece(4 * k + 2)) as Row;
    if (piece(4 * k) !== user) throw new Error(`the message of ${user} has the key ${piece(4 * k)}`);
    return { user, item, timestamp, value };
  });
}
