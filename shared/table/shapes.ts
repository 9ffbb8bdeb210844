// How the events of each topic stand in its messages, as a property of the table that is made of them: whoever reads
// the topic beside it (serve), or takes letters back, reads by the same map.

import { AppError } from "../errors/errors.ts";
import { type Decode, type MessageReader, plainReader, readerOf } from "../events/shape/mapped.ts";
import { parseShape, type ShapeText } from "../events/shape/shape.ts";
import type { DeltaTable } from "./delta.ts";
import { sourceOf } from "./epochs.ts";
import { reachedIn } from "./progress.ts";

/** Of a topic, or of a source: one that was made anew is read as the one before. */
const property = (topic: string) => `tributary.shape.${sourceOf(topic).topic}`;

/** The txn whose version says when it took the place of another, of which the rows of before are: ms since 1970. */
const changeId = (topic: string) => `${sourceOf(topic).topic}/shape`;

/** Null where all rows of the topic are of the same. */
export const shapeChangedAt = (offsets: ReadonlyMap<string, number>, topic: string): number | null =>
  offsets.get(changeId(topic)) ?? null;

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

/**
 * Puts it on record from the next version on, and when it changed where there are rows of another. Answers what stood
 * there before, undefined where it is the same. `now`: ms since 1970.
 */
export async function declareShape(
  table: DeltaTable,
  topic: string,
  shape: ShapeText | null,
  now = Date.now(),
): Promise<{ readonly before: ShapeText | null } | undefined> {
  for (;;) {
    await table.refresh();
    const before = shapeIn(table.properties, topic);
    if (inWords(before) === inWords(shape)) return undefined;
    const isRead = reachedIn(table.offsets).some(({ source }) => sourceOf(source).topic === topic);
    const version = Math.max(now, 1 + (shapeChangedAt(table.offsets, topic) ?? 0));
    const properties = { [property(topic)]: shape && JSON.stringify(shape) };
    try {
      await table.commit({ properties, txn: isRead ? [{ appId: changeId(topic), version }] : [] });
      return { before };
    } catch (error) {
      if (!(error instanceof AppError && error.code === "WRITER_FENCED")) throw error; // another one was faster
    }
  }
}

export function inWords(shape: ShapeText | null): string {
  if (!shape) return "events of our own shape";
  const registry = shape.registry === undefined ? [] : [`--schema-registry ${shape.registry}`];
  return [`--map "${shape.map}"`, ...(shape.where === "" ? [] : [`--where "${shape.where}"`]), ...registry].join(" ");
}
