// A service's own schema, read with tolerance: what is missing or of another kind becomes null, or an empty list, and nothing else is lost, so that an older or newer service
// still shows. Words of strangers come out escaped: they are shown at terminals and on the page.
import { z } from "zod";
import { printable } from "../../runtime/printable.ts";

/** Without it an entry of a list says nothing, and the list counts as none. */
interface Key {
  readonly isKey: true;
}
const keys = new WeakSet<z.ZodType>();

/** Marks a field that readers cannot do without. Goes around `describe`. */
export function key<S extends z.ZodType>(schema: S): S & Key {
  keys.add(schema);
  return schema as S & Key;
}

/** What is left of a value. */
export type Tolerated<S> =
  S extends z.ZodNullable<infer I> ? Tolerated<I> : S extends z.ZodOptional<infer I> ? Tolerated<I> : S extends Key ? Whole<S> : Loose<S>;
type Loose<S> = S extends z.ZodArray | z.ZodRecord | z.ZodBoolean ? Whole<S> : Whole<S> | null;
type Whole<S> =
  S extends z.ZodObject<infer Shape>
    ? { -readonly [K in keyof Shape]: Tolerated<Shape[K]> }
    : S extends z.ZodArray<infer I>
      ? Whole<I>[]
      : S extends z.ZodRecord<infer _, infer V>
        ? Record<string, Whole<V>>
        : S extends z.ZodNumber
          ? number
          : S extends z.ZodBoolean
            ? boolean
            : string;

const MOST_LETTERS = 2_000;
/** Of a name that a stranger gave, and of a sentence in a list. */
const MOST_OF_NAME = 256;

/** Accepts any object; refuses what is none. */
export const tolerant = <S extends z.ZodObject>(schema: S): z.ZodType<Whole<S>> => whole(schema) as unknown as z.ZodType<Whole<S>>;

function tolerated(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return tolerated(schema.unwrap());
  const inner = whole(schema);
  if (keys.has(schema as z.ZodType)) return inner;
  if (schema instanceof z.ZodArray) return inner.catch([]);
  if (schema instanceof z.ZodRecord) return inner.catch({});
  if (schema instanceof z.ZodBoolean) return inner.catch(false);
  return inner.nullable().catch(null);
}

/** All of it or nothing, but for what an object holds. */
function whole(schema: z.core.$ZodType, most = MOST_LETTERS): z.ZodType {
  if (schema instanceof z.ZodObject)
    return z.object(Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, tolerated(field)])));
  if (schema instanceof z.ZodArray) return z.array(whole(schema.element, MOST_OF_NAME));
  if (schema instanceof z.ZodRecord) return z.record(z.string(), whole(schema.valueType)).transform(escaped);
  if (schema instanceof z.ZodNumber) return z.number();
  if (schema instanceof z.ZodBoolean) return z.boolean();
  return z.string().transform((words) => printable(words, most));
}

const escaped = (all: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [printable(name, MOST_OF_NAME), value]));
