// How dead letters are read again: by the map of their topic, and by the schemas of its registry, each asked for once.
import type { MessageReader } from "../../events/shape/mapped.ts";
import { readerIn, shapeIn } from "../../table/shapes.ts";
import { schemaIdsOf } from "./framing.ts";
import { impatient } from "./impatient.ts";
import type { Schemas } from "./schemas.ts";

/** Of a topic, or of a source, for these values of it, until it is asked again. */
export type LetterReaders = (topic: string, values: readonly (Uint8Array | null)[]) => Promise<MessageReader>;

/** `properties`: the table's. Throws REGISTRY_AWAY, REGISTRY_REFUSED. */
export function readersIn(properties: Readonly<Record<string, string>>): LetterReaders {
  const registries = new Map<string, Schemas>();
  return async (topic, values) => {
    const url = shapeIn(properties, topic)?.registry;
    if (url === undefined) return readerIn(properties, topic);
    const schemas = registries.get(url) ?? impatient(url);
    registries.set(url, schemas);
    await schemas.prepare(schemaIdsOf(values));
    return readerIn(properties, topic, schemas.decode);
  };
}
