// What ingest sees of a topic at one moment: which topic it is, and which offsets it holds.
import type { Bounds } from "../../shared/kafka/client.ts";

export interface Seen {
  /** Of this topic and no other of its name, before or after; null where Kafka does not tell. */
  readonly id: string | null;
  readonly bounds: readonly Bounds[];
}
