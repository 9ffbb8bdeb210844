// How corrected letters are read: by the map of their topic, and by the schemas of its registry.
import type { MessageReader } from "../../../shared/events/shape/mapped.ts";
import { schemaIdsOf } from "../../../shared/kafka/schemas/framing.ts";
import { impatient } from "../../../shared/kafka/schemas/impatient.ts";
import { readerIn, shapeIn } from "../../../shared/table/shapes.ts";

/** `properties`: the table's. Throws REGISTRY_AWAY, REGISTRY_REFUSED. */
export const readersIn =
  (properties: Readonly<Record<string, string>>) =>
  async (topic: string, values: readonly (Uint8Array | null)[]): Promise<MessageReader> => {
    const url = shapeIn(properties, topic)?.registry;
    const schemas = url === undefined ? undefined : impatient(url);
    await schemas?.prepare(schemaIdsOf(values));
    return readerIn(properties, topic, schemas?.decode);
  };
