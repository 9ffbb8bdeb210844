// How the events of each topic stand in its messages, as a property of the table that is made of them: whoever reads
// the topic beside it (serve), or takes letters back, reads by the same map.
import { type Decode, type MessageReader, plainReader, readerOf } from "../events/shape/mapped.ts";
import { parseShape, type ShapeText } from "../events/shape/shape.ts";
import type { DeltaTable } from "./delta.ts";
import { sourceOf } from "./epochs.ts";

/** Of a topic, or of a source: one that was made anew is read as the one before. */
const property = (topic: string) => `tributary.shape.${sourceOf(topic).topic}`;

/** Null: events of our own shape, or one that this version cannot read. */
export function shapeIn(properties: Readonly<Record<string, string>>, topic: string): ShapeText | null {
  const text = Object.hasOwn(properties, property(topic)) ? properties[property(topic)]! : "";
  try {
    const shape = JSON.parse(text) as ShapeText;
    parseShape(shape);
    return shape;
  } catch {
    return null;
  }
}

/** How the messages of a topic are read. `decode`: of values that are written by schemas of a registry. */
export function readerIn(
  properties: Readonly<Record<string, string>>,
  topic: string,
  decode?: Decode | undefined,
): MessageReader {
  const shape = shapeIn(properties, topic);
  return shape ? readerOf(parseShape(shape), decode) : plainReader;
}

/** Puts it on record from the next version on; answers what stood there before, undefined where it is the same. */
export async function declareShape(
  table: DeltaTable,
  topic: string,
  shape: ShapeText | null,
): Promise<{ readonly before: ShapeText | null } | undefined> {
  await table.refresh();
  const before = shapeIn(table.properties, topic);
  if (inWords(before) === inWords(shape)) return undefined;
  await table.commit({ properties: { [property(topic)]: shape && JSON.stringify(shape) } });
  return { before };
}

export function inWords(shape: ShapeText | null): string {
  if (!shape) return "events of our own shape";
  const registry = shape.registry === undefined ? [] : [`--schema-registry ${shape.registry}`];
  return [`--map "${shape.map}"`, ...(shape.where === "" ? [] : [`--where "${shape.where}"`]), ...registry].join(" ");
}
